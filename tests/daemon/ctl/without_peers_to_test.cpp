// without-peers --to: two scripted daemons, the second behind a program in the place of ssh.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "daemon/ctl/client.h"
#include "tests/daemon/ctl/captured.h"
#include "tests/daemon/ctl/fake_ssh.h"
#include "tests/daemon/ctl/scripted.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class CtlWithoutPeersTo : public testing::Test {
  protected:
    CtlWithoutPeersTo() {
        here_.replies["ListDevices"]["parameters"]["devices"] = {device("m", "master", 30),
                                                                 device("p", "peer", 29)};
        here_.replies["CheckMigration"] = reply(R"({"allowed": false, "reasons": [
            {"severity": "blocks", "source": "ivshmemd", "device": "p", "text": "is a peer"},
            {"severity": "warns", "source": "ivshmemd", "device": "m", "text": "is shared"}]})");
        here_.replies["Hold"] = reply(R"({"uuid": "4f", "detached": [{"name": "p"}]})");
        here_.replies["Release"] = reply(R"({"result": "left", "out": [{"name": "p"}]})");
        here_.replies["Forget"] = reply(R"({"forgotten": [{"name": "p"}]})");
        there_.replies["GetInfo"] = reply(R"({"interfaces": ["io.ivshmemd.Hotplug"]})");
        there_.replies["ListVms"] = reply(R"({"vms": []})");
        there_.replies["ListRegions"] = reply(R"({"regions": []})");
        there_.replies["Replug"] = reply(R"({"devices": [{"name": "p"}]})");
    }

    /// The destination's QEMU waits already.
    void await_there() {
        there_.replies["ListVms"] =
            reply(R"({"vms": [{"name": "web", "state": "connected", "runState": "inmigrate"}]})");
        there_.replies["ListDevices"]["parameters"]["devices"] = {device("m", "master", 30)};
        there_.replies["Probe"] = reply(R"({"capabilities": {"models": ["ivshmem_plain"],
            "buses": [{"name": "pci.0", "usable": [3, 4]}]}})");
    }

    Outcome run(const std::string& script, std::vector<std::string> options = {}) {
        FakeSsh ssh(FakeSsh::bridge);
        const auto with_signals_blocked = [](Scripted& daemon) {
            return [&daemon](Peer& peer) {
                sigset_t all;
                sigfillset(&all);
                pthread_sigmask(SIG_BLOCK, &all, nullptr);
                daemon(peer);
            };
        };
        FakeDaemon here(with_signals_blocked(here_));
        FakeDaemon there(with_signals_blocked(there_));
        ssh.there(there.path());
        options.insert(options.begin(), {"without-peers", "web", "--to", "host2"});
        options.insert(options.end(), {"--", "sh", "-c", script});
        return run_with(options, call_daemon, here.path());
    }

    void expect_nothing_begun() const {
        EXPECT_THAT(here_.methods(), Not(Contains("Hold")));
        EXPECT_THAT(there_.methods(), Not(Contains("Replug")));
    }

    Scripted here_;
    Scripted there_;
};

TEST_F(CtlWithoutPeersTo, ChecksRunsTheCommandAndPlugsInThere) {
    await_there();
    const Outcome outcome = run("exit 0");
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "ivshmemctl: plugged in again on host2: p\n");
    EXPECT_THAT(here_.methods(),
                ElementsAre("ListDevices", "CheckMigration", "Hold", "Release", "Forget"));
    EXPECT_THAT(there_.methods(),
                ElementsAre("ListVms", "ListRegions", "ListDevices", "Probe", "Replug"));
    EXPECT_EQ(there_.calls.back()["parameters"],
              json({{"vm", "web"}, {"devices", json::array({{{"name", "p"}}})}}));
    EXPECT_EQ(here_.calls.back()["parameters"], json({{"vm", "web"}, {"uuid", "4f"}}));
}

TEST_F(CtlWithoutPeersTo, WaitsForNoVmThatOthersHaveYetToStart) {
    for (const char* vms :
         {R"({"vms": []})", R"({"vms": [{"name": "web", "state": "unreachable"}]})",
          R"({"vms": [{"name": "web", "state": "connecting"}]})"}) {
        there_.replies["ListVms"] = reply(vms);
        EXPECT_EQ(run("exit 0").code, 0) << vms;
        EXPECT_EQ(there_.methods().back(), "Replug") << vms;
    }
}

TEST_F(CtlWithoutPeersTo, BeginsNothingWhereTheVmWouldNotFit) {
    await_there();
    there_.replies["ListDevices"]["parameters"]["devices"] = json::array();
    there_.replies["ListRegions"] = reply(R"({"regions": [{"name": "p", "size": 4096}]})");
    const Outcome outcome = run("exit 0");
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("nothing was begun"));
    EXPECT_THAT(outcome.err, HasSubstr("m: the destination web on host2 has no such device"));
    EXPECT_THAT(outcome.err, HasSubstr("p: region p has 4K on host2"));
    there_.replies["ListVms"] =
        reply(R"({"vms": [{"name": "web", "state": "connected", "runState": "running"}]})");
    EXPECT_THAT(run("exit 0").err, HasSubstr("is running, and waits for no migration"));
    there_.replies["ListVms"] = reply(R"({"vms": [{"name": "web", "state": "busy"}]})");
    EXPECT_THAT(run("exit 0").err, HasSubstr("VM web on host2 is busy"));
    there_.replies["GetInfo"] = reply(R"({"interfaces": []})");
    EXPECT_EQ(run("exit 0").code, 5);
    expect_nothing_begun();
}

TEST_F(CtlWithoutPeersTo, AsksForNoMasterThereThatIsTakenOutHere) {
    await_there();
    there_.replies["ListDevices"]["parameters"]["devices"] = json::array();
    EXPECT_EQ(run("exit 0", {"--masters"}).code, 0);
    there_.replies["Probe"]["parameters"]["capabilities"]["buses"][0]["usable"] = {3};
    EXPECT_THAT(run("exit 0", {"--masters"}).err, HasSubstr("room for 1 of 2"));
}

TEST_F(CtlWithoutPeersTo, AsksNobodyThereWhenTheVmStays) {
    here_.replies["Release"] = reply(R"({"result": "back", "out": []})");
    const Outcome outcome = run("exit 3");
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(there_.methods(), Not(Contains("Replug")));
    EXPECT_THAT(here_.methods(), Not(Contains("Forget")));
}

TEST_F(CtlWithoutPeersTo, NamesThePlanThatFinishesIt) {
    there_.replies["Replug"] = {{"error", "io.ivshmemd.Hotplug.NoFreeSlot"},
                                {"parameters", {{"message", "no slot for p"}}}};
    const Outcome outcome = run("exit 0");
    EXPECT_EQ(outcome.code, 1) << "the command's, had it failed";
    EXPECT_THAT(outcome.err, HasSubstr("VM web has left, and p could not all be plugged in"));
    const std::size_t begin = outcome.err.find("\n  printf") + 3;
    const std::string command = outcome.err.substr(begin, outcome.err.find('\n', begin) - begin);
    EXPECT_THAT(command, testing::EndsWith(" | ivshmemctl -H host2 replug web --plan -"));
    const auto plan = ivshmemd::test::run({{"sh", "-c", command.substr(0, command.rfind(" | "))}});
    EXPECT_EQ(json(json::parse(plan.out)), json({{"version", 1},
                                                 {"vm", "web"},
                                                 {"uuid", "4f"},
                                                 {"devices", json::array({{{"name", "p"}}})}}));
    EXPECT_THAT(here_.methods(), Not(Contains("Forget")));
    EXPECT_EQ(run("exit 3").code, 3);
}

TEST_F(CtlWithoutPeersTo, PlugsInThereAlthoughTheConnectionDidNotLastThatLong) {
    there_.hangs_up_once_at = "Replug";
    EXPECT_EQ(run("exit 0").code, 0);
    EXPECT_EQ(there_.methods().back(), "Replug");
}

}  // namespace
}  // namespace ivshmemd::ctl::test
