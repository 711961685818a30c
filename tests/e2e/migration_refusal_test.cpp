#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/migration_fixture.h"
#include "tests/support/json_text.h"

// What is refused before anything is touched. The machines only run their firmware, which never
// gives a device back: had anything been unplugged, it would show.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> replaced(std::vector<std::string> arguments, const std::string& from,
                                  const std::string& to) {
    for (std::string& each : arguments) {
        for (std::size_t at = each.find(from); at != std::string::npos;
             at = each.find(from, at + to.size())) {
            each.replace(at, from.size(), to);
        }
    }
    return arguments;
}

struct WrongDestination {
    const char* what;
    std::vector<std::string> arguments;
    const char* says;  // the daemon, when it sees it before
};

// Those that QEMU itself notices, at the end of a migration.
std::vector<WrongDestination> wrong_destinations(const std::vector<std::string>& right) {
    return {
        {"slot", replaced(right, "addr=1e", "addr=1d"), "slot 30"},
        {"backend id", replaced(right, "ivshmemd.m.mem", "m0"), "backend m0"},
        {"size", replaced(replaced(right, "1048576", "2097152"), "/m,", "/larger,"), "2M"},
        {"master=off", replaced(right, "master=on", "master=off"), "master=on"},
        {"missing", {}, "no such device"},
    };
}

class MigrationRefusal : public MigrationFixture {
  protected:
    std::set<std::string> blocking_devices(const json& answer) {
        std::set<std::string> names;
        for (const json& reason : member(answer, "reasons")) {
            const json device = member(reason, "device");
            if (device.is_string()) names.insert(device.get<std::string>());
        }
        return names;
    }

    bool qemu_says_so(const json& answer) {
        for (const json& reason : member(answer, "reasons")) {
            if (member(reason, "source") == "qemu") return true;
        }
        return false;
    }
};

TEST_F(MigrationRefusal, NamesEveryPeerOursOrForeign) {
    start_source({});
    attach("m", "master");
    const json before(expect_ctl_success(*daemon_, {"can-migrate", "src"}));
    EXPECT_EQ(member(before, "allowed"), true);
    EXPECT_EQ(member(before, "reasons").size(), needs_care() ? 1u : 0u) << before;

    attach("p");
    const json added(source_->object_add_file("theirs-memory", regions_ / "theirs", 1 << 20));
    ASSERT_TRUE(added.contains("return")) << added;
    source_->spy().call(
        "device_add", {{"driver", "ivshmem-plain"}, {"id", "theirs"}, {"memdev", "theirs-memory"}});
    const CtlResult result = run_ctl(*daemon_, {"can-migrate", "src"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_EQ(member(result.json(), "allowed"), false);
    EXPECT_EQ(blocking_devices(result.json()), (std::set<std::string>{"p", "theirs"}));
    EXPECT_EQ(qemu_says_so(result.json()), source_->version() >= 6000) << result.out;
    const CtlResult table = daemon_->ctl_text({"can-migrate", "src"});
    EXPECT_EQ(table.exit_code, 1);
    EXPECT_THAT(table.out, HasSubstr("theirs"));
    EXPECT_THAT(table.out, HasSubstr("savevm"));

    const json blocked(
        expect_ctl_error(*daemon_, {"migrate", "src", uri()}, 1, "MigrationBlocked"));
    EXPECT_EQ(blocking_devices(blocked), (std::set<std::string>{"p", "theirs"}));
    const json foreign(expect_ctl_error(*daemon_, {"migrate", "src", uri(), "--detach-peers"}, 1,
                                        "MigrationBlocked"));
    EXPECT_THAT(foreign.value("message", ""), HasSubstr("theirs: "));
    EXPECT_THAT(foreign.value("message", ""), Not(HasSubstr(" p: ")));
    expect_at_source({"m", "p", "theirs"});
}

TEST_F(MigrationRefusal, OfOtherPlacesThanSockets) {
    start_source({});
    for (const char* to : {"exec:touch /tmp/harm", "fd:3", "tcp:host", "/path"}) {
        expect_ctl_error(*daemon_, {"migrate", "src", to}, 2,
                         "org.varlink.service.InvalidParameter");
    }
    expect_ctl_error(*daemon_, {"migrate", "nobody", uri()}, 3, "NoSuchVm");
    expect_ctl_error(*daemon_, {"migrate", "dst", uri()}, 5, "VmUnavailable");
}

TEST_F(MigrationRefusal, OfAMasterWhoseRegionOthersUseGivesWayToForce) {
    start_source({});
    start_destination({});
    destination_.reset();
    QemuVm other(dir_.path(), {.name = "dst"});
    wait_connected("dst");
    attach("m", "master");
    expect_ctl_success(*daemon_, {"attach", "dst", "p", "--region", "m"});
    const json warned(expect_ctl_success(*daemon_, {"can-migrate", "src"}));
    EXPECT_EQ(member(member(warned, "reasons")[0], "severity"), "warns") << warned;
    const json blocked(
        expect_ctl_error(*daemon_, {"migrate", "src", uri()}, 1, "MigrationBlocked"));
    EXPECT_THAT(blocked.value("message", ""), HasSubstr("dst/p"));
    // With force it goes as far as QEMU lets it: nobody listens there.
    expect_ctl_error(*daemon_, {"migrate", "src", uri(), "--force"}, 8, "QemuError");
    expect_at_source({"m"});
}

TEST_F(MigrationRefusal, OfADestinationThatWouldNotTakeTheMasterUnplugsNothing) {
    start_source({});
    attach("m", "master");
    attach("p");
    std::vector<WrongDestination> wrong = wrong_destinations(qemu_args());
    // QEMU would take it, and the content would be nobody else's.
    wrong.push_back({"share=off", replaced(qemu_args(), "share=on", "share=off"), "share=on"});
    for (const WrongDestination& each : wrong) {
        SCOPED_TRACE(each.what);
        start_destination(each.arguments);
        const json error(expect_ctl_error(*daemon_, migrate_arguments({"--detach-peers"}), 1,
                                          "MigrationBlocked"));
        EXPECT_THAT(error.value("message", ""), HasSubstr(each.says));
        EXPECT_EQ(blocking_devices(error).count("m"), 1u) << error;
        EXPECT_TRUE(destination_->alive());
        expect_at_source({"m", "p"});
    }
    EXPECT_EQ(phase(), "");
}

TEST_F(MigrationRefusal, ByADestinationElsewhereThatIsWrongLeavesTheVmWhereItIs) {
    start_source({});
    attach("m", "master");
    for (const WrongDestination& each : wrong_destinations(qemu_args())) {
        SCOPED_TRACE(each.what);
        start_destination_elsewhere(each.arguments);
        const json error(expect_ctl_error(*daemon_, migrate_arguments({}), 8, "QemuError"));
        EXPECT_THAT(error.value("message", ""), HasSubstr("stays where it is"));
        expect_at_source({"m"});
    }
    EXPECT_EQ(phase(), "");
}

TEST_F(MigrationRefusal, OfChangesWhileAMigrationRunsWhoeverStartedIt) {
    start_source({});
    attach("m", "master");
    start_right_destination();
    VarlinkClient events(daemon_->socket());
    events.send("io.ivshmemd.Hotplug.Subscribe", {{"vm", "src"}}, true);
    events.next_reply();
    destination_->signal(SIGSTOP);  // else it may be through before it was looked at
    source_->spy().call("migrate", {{"uri", uri()}});  // another client, on another monitor
    for (bool seen = false; !seen;) {
        const json event(member(events.next_reply(), "parameters"));
        seen = member(event, "kind") == "migration" && member(event, "detail") == "active";
    }
    expect_ctl_error(*daemon_, {"attach", "src", "x", "--size", "1M"}, 6, "MigrationActive");
    expect_ctl_error(*daemon_, {"detach", "src", "m"}, 6, "MigrationActive");
    expect_ctl_error(*daemon_, {"migrate", "src", uri()}, 6, "MigrationActive");
    daemon_->kill();
    daemon_->start();
    wait_connected("src");
    expect_ctl_error(*daemon_, {"attach", "src", "x", "--size", "1M"}, 6, "MigrationActive");
    source_->spy().call("migrate_cancel");
    ASSERT_TRUE(wait_migration_status("cancelled"));
    destination_->signal(SIGCONT);
    EXPECT_TRUE(eventually(soon(), [&] {
        return run_ctl(*daemon_, {"attach", "src", "x", "--size", "1M"}).exit_code == 0;
    }));
    expect_at_source({"m", "x"});
}

TEST_F(MigrationRefusal, OfPeersInAVmThatWaits) {
    start_source({});
    start_destination({});
    const json error(
        expect_ctl_error(*daemon_, {"attach", "dst", "p", "--size", "1M"}, 5, "VmUnavailable"));
    EXPECT_EQ(member(error, "state"), "inmigrate");
    EXPECT_EQ(run_ctl(*daemon_, {"can-migrate", "dst"}).exit_code, 1);
    attach("m", "master");
    const json master(find_device(*daemon_, "src", "m"));
    expect_ctl_success(*daemon_, {"attach", "dst", "m", "--role", "master", "--bus", master["bus"],
                                  "--slot", std::to_string(master["slot"].get<int>())});
    EXPECT_EQ(member(migrate(0, {}), "detached"), json::array());
    expect_at_destination({"m"});
    expect_ctl_error(*daemon_, {"attach", "src", "p", "--size", "1M"}, 5, "VmUnavailable");
    expect_ctl_success(*daemon_, {"attach", "dst", "p", "--size", "1M"});
}

}  // namespace
}  // namespace ivshmemd::test
