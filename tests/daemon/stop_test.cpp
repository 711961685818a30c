#include <csignal>

#include "tests/daemon/fake_pc.h"
#include "tests/support/daemon_process.h"
#include "tests/support/scripted_server.h"
#include "tests/support/varlink_client.h"

// The daemon's end, while a client waits for something.
namespace ivshmemd::test {
namespace {

using nlohmann::json;

class Stop : public ::testing::Test {
  protected:
    Stop() {
        pc_.listen(directory_ / "a.qmp");
        daemon_.emplace(DaemonOptions{.vms = {{"a", directory_ / "a.qmp"}}});
    }

    void SetUp() override { ASSERT_TRUE(daemon_->wait_vm_state("a", "connected", soon())); }
    void send_attach(VarlinkClient& client, const json& more) {
        json parameters{{"vm", "a"}, {"name", "x"}};
        parameters.update(more);
        client.send("io.ivshmemd.Hotplug.Attach", parameters);
    }
    bool wait_count(const std::string& command) {
        const Deadline deadline = soon();
        while (pc_.count(command) == 0 && !deadline.passed()) std::this_thread::yield();
        return pc_.count(command) > 0;
    }

    /// SIGTERM while an attach waits for this server.
    void stop_while_it_meets(const ScriptedServer& silent, VarlinkClient& client) {
        send_attach(client, {{"server", silent.path().string()}});
        const Deadline deadline = soon();
        while (silent.clients() == 0 && !deadline.passed()) std::this_thread::yield();
        daemon_->process().signal(SIGTERM);
    }

    TempDir directory_;
    FakePc pc_;
    std::optional<DaemonProcess> daemon_;
};

TEST_F(Stop, AnswersWhoWaitsForAnAttachThatQemuHasNotAnswered) {
    pc_.hold("device_add");
    VarlinkClient client(daemon_->socket());
    send_attach(client, {{"size", 1 << 20}});
    ASSERT_TRUE(wait_count("object-add"));
    daemon_->process().signal(SIGTERM);
    const json reply = client.next_reply();
    EXPECT_EQ(reply["error"], "io.ivshmemd.Hotplug.VmUnavailable") << reply;
    EXPECT_NE(reply["parameters"]["message"].get<std::string>().find("stopping"), std::string::npos)
        << reply;
    EXPECT_EQ(daemon_->process().wait_exit(soon()), 0);
    pc_.release();
}

TEST_F(Stop, WaitsForAnAttachThatComesToItsEndByItself) {
    const ScriptedServer silent(directory_ / "bell", [](int client) { wait_closed(client); });
    VarlinkClient client(daemon_->socket());
    stop_while_it_meets(silent, client);
    EXPECT_EQ(client.next_reply()["error"], "io.ivshmemd.Hotplug.ServerUnusable");
    EXPECT_EQ(daemon_->process().wait_exit(soon()), 0);
}

TEST_F(Stop, EndsAtOnceAtASecondSignal) {
    const ScriptedServer silent(directory_ / "bell", [](int client) { wait_closed(client); });
    VarlinkClient client(daemon_->socket());
    stop_while_it_meets(silent, client);
    const Deadline deadline = soon();
    while (daemon_->process().err().find("stopping") == std::string::npos && !deadline.passed()) {
        std::this_thread::yield();
    }
    EXPECT_TRUE(daemon_->process().alive()) << "the server may still answer";
    daemon_->process().signal(SIGTERM);
    EXPECT_EQ(daemon_->process().wait_exit(soon()), EXIT_FAILURE);
}

}  // namespace
}  // namespace ivshmemd::test
