#include <fcntl.h>

#include <atomic>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/bad_servers.h"
#include "tests/support/exhaustive.h"
#include "tests/support/json_text.h"
#include "tests/support/qmp_pulse.h"
#include "tests/support/root.h"
#include "tests/support/scripted_server.h"

// Doorbell servers that would hang or kill a QEMU which talks to them itself.

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t mebibyte = 1 << 20;

class BadServer : public HotplugTest {
  protected:
    // A host that runs other tests beside this one answers late by itself; how late QEMU is on a
    // quiet one, the bench measures.
    static constexpr auto allowed_wait = 5000ms;

    void TearDown() override {
        if (HasFailure() && vm_) std::cerr << "QEMU said:\n" << vm_->err();
        HotplugTest::TearDown();
    }

    void SetUp() override {
        HotplugTest::SetUp();
        VmOptions options{.name = "vm0"};
        options.extra = {"-qmp", "unix:" + pulse_socket() + ",server=on,wait=off"};
        vm_.emplace(dir_.path(), options);
        start_daemon({&*vm_});
        pulse_.emplace(pulse_socket());
        before_ = machine_state(*vm_);  // a monitor's state shows who is connected
    }

    std::string pulse_socket() const { return dir_ / "pulse.sock"; }
    std::filesystem::path path() const { return dir_ / "server.sock"; }

    /// Why the daemon refuses the server that stands there.
    std::string refusal(const std::string& vectors = "1") {
        const auto begin = Clock::now();
        const json error(expect_ctl_error(
            *daemon_, {"attach", "vm0", "bell", "--server", path(), "--vectors", vectors}, 8,
            "ServerUnusable"));
        EXPECT_LT(Clock::now() - begin, 3s + allowed_wait);
        return member(error, "reason").get<std::string>();
    }

    void expect_refused(const std::string& what, ScriptedServer::Script script) {
        SCOPED_TRACE(what);
        const ScriptedServer server(path(), std::move(script));
        EXPECT_NE(refusal(), "");
        EXPECT_EQ(machine_state(*vm_), before_);
    }

    std::optional<QemuVm> vm_;
    std::optional<QmpPulse> pulse_;
    json before_;
};

TEST_F(BadServer, IsNamedAndNeverNoticedByTheMachine) {
    EXPECT_EQ(refusal(), "No such file or directory");
    { const FileDescriptor file(::open(path().c_str(), O_CREAT | O_CLOEXEC | O_WRONLY, 0600)); }
    EXPECT_EQ(refusal(), "nothing listens there");
    std::filesystem::remove(path());
    for (const BadServerKind& kind : bad_servers()) expect_refused(kind.name, kind.script);
    EXPECT_LT(pulse_->stop(), allowed_wait);
}

TEST_F(BadServer, WithFewerVectorsIsToldFromOneThatServes) {
    const FileDescriptor memory = shared_memory(mebibyte);
    const ScriptedServer server(path(), [&](int client) {
        send_handshake(client, 0, memory.get());
        send_vectors(client, 0, 2);
        wait_closed(client);
    });
    EXPECT_EQ(refusal("4"),
              "it fell silent; it gave 2 of the 4 vectors asked for; ask for as many as it gives");
    expect_ctl_success(*daemon_, {"attach", "vm0", "bell", "--server", path(), "--vectors", "2"});
}

TEST_F(BadServer, ThatEndsAtAnyMomentAfterItsVectorsHurtsNobody) {
    const FileDescriptor memory = shared_memory(mebibyte);
    std::atomic<int> delay = 0;
    const ScriptedServer server(path(), [&](int client) {
        send_handshake(client, 0, memory.get());
        send_vectors(client, 0, 1);
        std::this_thread::sleep_for(std::chrono::microseconds(delay.load()));
    });
    const int step = exhaustive() ? 100 : 500;
    for (int microseconds = 0; microseconds < 5000; microseconds += step) {
        delay = microseconds;
        const CtlResult result =
            run_ctl(*daemon_, {"attach", "vm0", "bell", "--server", path(), "--vectors", "1"});
        ASSERT_TRUE(result.exit_code == 0 || result.exit_code == 8) << result.err;
        if (result.exit_code != 0) continue;
        Child detach(start_detach("vm0", "bell"));
        ASSERT_TRUE(eventually(soon(), [&] {
            reset_machine(*vm_);
            return detach.wait_exit(Deadline::after(100ms)).has_value();
        }));
    }
    EXPECT_LT(pulse_->stop(), allowed_wait);
    EXPECT_EQ(machine_state(*vm_), before_);
}

TEST_F(BadServer, OfAnotherUserIsNotTrusted) {
    if (lacks_root("needs a second user")) return;
    const FileDescriptor memory = shared_memory(mebibyte);
    // Whoever calls listen() is whom the kernel names.
    ASSERT_EQ(::seteuid(12345), 0);
    std::filesystem::path theirs("/tmp/ivshmemd-foreign-" + std::to_string(::getpid()));
    auto server = std::make_unique<ScriptedServer>(theirs, wait_closed);
    ASSERT_EQ(::seteuid(0), 0);
    const json error(expect_ctl_error(*daemon_, {"attach", "vm0", "bell", "--server", theirs}, 8,
                                      "ServerUnusable"));
    EXPECT_NE(member(error, "reason").get<std::string>().find("user 12345"), std::string::npos);
    server.reset();
}

}  // namespace
}  // namespace ivshmemd::test
