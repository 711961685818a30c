// migrate --to: two scripted daemons, the second behind a program in the place of ssh.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "daemon/ctl/client.h"
#include "tests/daemon/ctl/captured.h"
#include "tests/daemon/ctl/fake_daemon.h"
#include "tests/daemon/ctl/fake_ssh.h"
#include "tests/daemon/ctl/scripted.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class CtlMigrateTo : public testing::Test {
  protected:
    CtlMigrateTo() {
        source_.replies["ListDevices"]["parameters"]["devices"] = {
            device("m", "master", 30), device("p", "peer", 29), device("q", "peer", 28)};
        source_.replies["CheckMigration"] = reply(R"({"allowed": false, "reasons": [
            {"severity": "blocks", "source": "ivshmemd", "device": "p", "text": "is a peer"},
            {"severity": "blocks", "source": "qemu", "text": "using feature 'peer mode'"}]})");
        source_.replies["Forget"] = reply(R"({"forgotten": []})");
        source_.replies["Migrate"] = reply(R"({"status": "completed", "uuid": "4f", "detached": [
            {"name": "p", "model": "ivshmem_plain", "role": "peer", "size": 1048576,
             "region": "p", "bus": "pci.0", "slot": 29}]})");
        target_.replies["GetInfo"] = reply(R"({"interfaces": ["io.ivshmemd.Hotplug"]})");
        target_.replies["ListVms"] =
            reply(R"({"vms": [{"name": "web", "state": "connected", "runState": "inmigrate"}]})");
        target_.replies["ListDevices"]["parameters"]["devices"] = {device("m", "master", 30)};
        target_.replies["Probe"] = reply(R"({"capabilities": {"models": ["ivshmem_plain"],
            "buses": [{"name": "pci.0", "usable": [3, 4]}]}})");
        target_.replies["ListRegions"] = reply(R"({"regions": []})");
        target_.replies["Replug"] = reply(R"({"devices": [{"name": "p"}]})");
    }

    Outcome migrate(std::vector<std::string> options = {}) {
        FakeSsh ssh(FakeSsh::bridge);
        FakeDaemon here([this](Peer& peer) { source_(peer); });
        FakeDaemon there([this](Peer& peer) { target_(peer); });
        ssh.there(there.path());
        options.insert(options.begin(),
                       {"migrate", "web", "tcp:h:1", "--detach-peers", "--to", "root@host2"});
        return run_with(options, call_daemon, here.path());
    }

    void expect_nothing_begun() const {
        EXPECT_THAT(source_.methods(), testing::Not(testing::Contains("Migrate")));
        EXPECT_THAT(target_.methods(), testing::Not(testing::Contains("Replug")));
    }

    Scripted source_;
    Scripted target_;
};

TEST_F(CtlMigrateTo, ChecksMigratesAndPlugsInThere) {
    const Outcome outcome = migrate({"--force"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, "migrated web to root@host2\nplugged in again there: p\n");
    EXPECT_THAT(source_.methods(),
                ElementsAre("ListDevices", "CheckMigration", "Migrate", "Forget"));
    EXPECT_EQ(source_.calls.back()["parameters"], json({{"vm", "web"}, {"uuid", "4f"}}));
    source_.calls.pop_back();
    EXPECT_THAT(target_.methods(),
                ElementsAre("ListVms", "ListRegions", "ListDevices", "Probe", "Replug"));
    EXPECT_EQ(source_.calls.back()["parameters"],
              json({{"vm", "web"}, {"uri", "tcp:h:1"}, {"detachPeers", true}, {"force", true}}));
    EXPECT_EQ(
        target_.calls.back()["parameters"],
        json({{"vm", "web"}, {"devices", source_.replies["Migrate"]["parameters"]["detached"]}}));
}

TEST_F(CtlMigrateTo, HasOneAnswerForBothHalves) {
    const json printed = json::parse(migrate({"--json"}).out);
    EXPECT_EQ(printed["status"], "completed");
    EXPECT_EQ(printed["detached"].size(), 1u);
    EXPECT_EQ(printed["devices"], json::parse(R"([{"name": "p"}])"));
}

TEST_F(CtlMigrateTo, RefusesForEveryReasonAtOnce) {
    source_.replies["CheckMigration"]["parameters"]["reasons"].push_back(
        {{"severity", "blocks"}, {"source", "ivshmemd"}, {"device", "x"}, {"text", "is foreign"}});
    source_.replies["CheckMigration"]["parameters"]["reasons"].push_back(
        {{"severity", "warns"}, {"source", "ivshmemd"}, {"device", "m"}, {"text", "is shared"}});
    target_.replies["ListVms"]["parameters"]["vms"][0]["runState"] = "running";
    target_.replies["ListDevices"]["parameters"]["devices"] = json::array();
    target_.replies["Probe"] = reply(R"({"capabilities": {"models": [],
        "buses": [{"name": "pci.0", "usable": [3]}]}})");
    target_.replies["ListRegions"] = reply(R"({"regions": [{"name": "q", "size": 4096}]})");
    const Outcome outcome = migrate({"--json"});
    EXPECT_EQ(outcome.code, 1);
    const json printed = json::parse(outcome.out);
    EXPECT_EQ(printed["error"], "MigrationBlocked");
    EXPECT_EQ(printed["parameters"]["reasons"].size(), 8u) << outcome.err;
    for (const char* reason :
         {"x: is foreign", "m: is shared", "is running, and waits for no migration",
          "m: the destination web on root@host2 has no such device in slot 30 of pci.0",
          "p: the QEMU of VM web on root@host2 has no ivshmem-plain", "q: the QEMU of VM web",
          "has room for 1 of 2 peers", "q: region q has 4K on root@host2, and 1M here"}) {
        EXPECT_THAT(outcome.err, HasSubstr(reason));
    }
    expect_nothing_begun();
}

TEST_F(CtlMigrateTo, WantsTheVmThereAndConnected) {
    target_.replies["ListVms"] =
        reply(R"({"vms": [{"name": "web", "state": "busy", "lastError": "no greeting"}]})");
    EXPECT_THAT(migrate().err, HasSubstr("VM web on root@host2 is busy: no greeting"));
    target_.replies["ListVms"] = reply(R"({"vms": []})");
    EXPECT_THAT(migrate().err, HasSubstr("the daemon on root@host2 looks after no VM web"));
    expect_nothing_begun();
}

TEST_F(CtlMigrateTo, BeginsNothingWhenAnybodyCannotBeAsked) {
    target_.replies["Probe"] = {{"error", "io.ivshmemd.Hotplug.TimedOut"},
                                {"parameters", {{"message", "web is silent"}}}};
    EXPECT_EQ(migrate().code, 7);
    target_.replies["GetInfo"] = reply(R"({"interfaces": []})");
    EXPECT_EQ(migrate().code, 5);
    source_.replies["CheckMigration"] = {{"error", "io.ivshmemd.Hotplug.VmUnavailable"},
                                         {"parameters", {{"message", "it is busy"}}}};
    EXPECT_EQ(migrate().code, 5);
    expect_nothing_begun();
}

TEST_F(CtlMigrateTo, TakesRepliesThatMakeNoSense) {
    const json refusing = reply("{}");  // a QEMU without models and slots
    for (const char* method : {"ListVms", "ListRegions", "ListDevices", "Probe"}) {
        const json before = target_.replies[method];
        target_.replies["Probe"] = refusing;
        for (const char* text : {"{}", R"({"vms": 1, "regions": {}, "devices": [1, null, {}],
                                           "capabilities": {"buses": [7], "models": "x"}})"}) {
            target_.replies[method] = reply(text);
            EXPECT_EQ(migrate().code, 1) << method << text;
        }
        target_.replies[method] = before;
    }
    expect_nothing_begun();
}

TEST_F(CtlMigrateTo, NamesThePlanAndTheCommandThatFinishesIt) {
    target_.replies["Replug"] = {{"error", "io.ivshmemd.Hotplug.NoFreeSlot"},
                                 {"parameters", {{"message", "no slot for p"}}}};
    const Outcome outcome = migrate({"--json"});
    EXPECT_EQ(source_.methods().back(), "Migrate") << "what is out stays in mind";
    EXPECT_EQ(outcome.code, 1);
    const json printed = json::parse(outcome.out);
    EXPECT_EQ(printed["error"], "NoFreeSlot");
    EXPECT_EQ(printed["parameters"]["plan"]["devices"].size(), 1u);
    EXPECT_THAT(outcome.err, HasSubstr("VM web has moved to root@host2, and its devices are not "
                                       "all plugged in there: no slot for p"));
    const std::string command = printed["parameters"]["mend"];
    EXPECT_THAT(outcome.err, HasSubstr("\n  " + command + "\n"));
    EXPECT_THAT(command, testing::EndsWith(" | ivshmemctl -H root@host2 replug web --plan -"));
    const auto plan = ivshmemd::test::run({{"sh", "-c", command.substr(0, command.rfind(" | "))}});
    EXPECT_EQ(json(json::parse(plan.out)), printed["parameters"]["plan"]);
}

TEST_F(CtlMigrateTo, NamesThePlansFileWhereThereIsOne) {
    target_.replies["Replug"] = {{"error", "io.ivshmemd.Hotplug.NoFreeSlot"},
                                 {"parameters", {{"message", "no slot for p"}}}};
    const ivshmemd::test::TempDir directory;
    const std::string file = directory / "a plan";
    const Outcome outcome = migrate({"--plan", file});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err,
                HasSubstr("\n  ivshmemctl -H root@host2 replug web --plan '" + file + "'\n"));
    EXPECT_TRUE(std::ifstream(file).good());
    const Outcome piped = migrate({"--plan", "-"});
    EXPECT_EQ(json::parse(piped.out)["vm"], "web") << "the plan alone";
}

TEST_F(CtlMigrateTo, AsksAgainWhenTheConnectionDidNotLastThatLong) {
    target_.hangs_up_once_at = "Replug";
    const Outcome outcome = migrate();
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(target_.methods().back(), "Replug");
}

TEST_F(CtlMigrateTo, ReportsAMigrationThatFailedAsWithoutIt) {
    source_.replies["Migrate"] = {{"error", "io.ivshmemd.Hotplug.QemuError"},
                                  {"parameters", {{"message", "it was cancelled"}}}};
    const Outcome outcome = migrate();
    EXPECT_EQ(outcome.code, 8);
    EXPECT_EQ(outcome.err, "ivshmemctl: it was cancelled\n");
    EXPECT_THAT(target_.methods(), testing::Not(testing::Contains("Replug")));
}

TEST(CtlMigrateToHost, IsAPlainName) {
    EXPECT_EQ(run_with({"migrate", "web", "tcp:h:1", "--to", "-x"}, call_daemon).code, 2);
}

}  // namespace
}  // namespace ivshmemd::ctl::test
