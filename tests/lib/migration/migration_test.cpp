#include "lib/migration/migration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* qemu_words =
    "Migration is disabled when using feature 'peer mode' in device 'ivshmem'";

Device device_of(const std::string& name, Role role, Origin origin = Origin::managed,
                 Model model = Model::plain) {
    Device device;
    device.spec.name = name;
    device.spec.model = model;
    device.spec.role = role;
    device.spec.bus = "pci.0";
    device.spec.slot = 31;
    device.origin = origin;
    device.qom_path = "/machine/peripheral/" + name;
    return device;
}

MigrationFacts blocked_by(std::vector<std::string> words) {
    MigrationFacts facts;
    facts.blocked = std::move(words);
    return facts;
}

MigrationVerdict judge(const std::vector<Device>& devices, const MigrationFacts& facts = {},
                       std::string_view run_state = "running",
                       const std::vector<RegionSharer>& sharers = {}) {
    return judge_migration(devices, facts, run_state, sharers, {});
}

TEST(Migration, OfAVmWithMastersOnlyIsAllowed) {
    const MigrationVerdict verdict = judge({device_of("m", Role::master)});
    EXPECT_TRUE(verdict.allowed());
    EXPECT_THAT(verdict.reasons, IsEmpty());
}

TEST(Migration, AdvisesNoDetachOfADeviceThatCannotLeave) {
    for (const Origin origin : {Origin::managed, Origin::foreign}) {
        Device fixed = device_of("a", Role::peer, origin);
        fixed.fixed = "its bus takes no hotplug: it needs a restart without it";
        const MigrationVerdict verdict = judge({fixed});
        ASSERT_THAT(verdict.reasons, SizeIs(1));
        EXPECT_THAT(verdict.reasons[0].text, HasSubstr("needs a restart without it"));
        EXPECT_THAT(verdict.reasons[0].text, testing::Not(HasSubstr("detach")));
        const MigrationWishes wishes{.detach_peers = true};
        EXPECT_THAT(remaining_reasons(verdict, {fixed}, wishes), SizeIs(1));
    }
}

TEST(Migration, IsBlockedByEveryPeerByName) {
    const MigrationVerdict verdict =
        judge({device_of("a", Role::peer), device_of("b", Role::peer, Origin::foreign),
               device_of("m", Role::master)});
    EXPECT_FALSE(verdict.allowed());
    ASSERT_THAT(verdict.reasons, SizeIs(2));
    EXPECT_EQ(verdict.reasons[0].device, "a");
    EXPECT_THAT(verdict.reasons[0].text, HasSubstr("migrate with detach-peers"));
    EXPECT_EQ(verdict.reasons[1].device, "b");
    EXPECT_THAT(verdict.reasons[1].text, HasSubstr("/machine/peripheral/b"));
    for (const Reason& reason : verdict.reasons) {
        EXPECT_EQ(reason.severity, Severity::blocks);
        EXPECT_EQ(reason.source, ReasonSource::ivshmemd);
        EXPECT_THAT(reason.text, HasSubstr("savevm and internal snapshots"));
    }
}

TEST(Migration, TakesAutoForAMasterOnlyWithoutAServer) {
    for (const Model model : {Model::legacy, Model::plain}) {
        Device device = device_of("x", Role::automatic, Origin::foreign, model);
        EXPECT_TRUE(judge({device}).allowed());
        device.has_server = true;
        EXPECT_FALSE(judge({device}).allowed());
    }
    EXPECT_FALSE(
        judge({device_of("x", Role::automatic, Origin::foreign, Model::doorbell)}).allowed());
}

TEST(Migration, DoesNotMindALeakedBackend) {
    Device leaked = device_of("x", Role::peer);
    leaked.state = DeviceState::leaked;
    EXPECT_TRUE(judge({leaked}).allowed());
}

TEST(Migration, IsBlockedByADeviceThatIsStillLeaving) {
    Device leaving = device_of("x", Role::peer);
    leaving.state = DeviceState::detaching;
    const MigrationVerdict verdict = judge({leaving});
    ASSERT_THAT(verdict.reasons, SizeIs(1));
    EXPECT_THAT(verdict.reasons[0].text, HasSubstr("being detached"));
}

TEST(Migration, TellsQemusWordsOnce) {
    const MigrationVerdict verdict = judge({}, blocked_by({qemu_words, "another", qemu_words}));
    EXPECT_FALSE(verdict.allowed());
    ASSERT_THAT(verdict.reasons, SizeIs(2));
    EXPECT_EQ(verdict.reasons[0],
              (Reason{Severity::blocks, ReasonSource::qemu, std::nullopt, qemu_words}));
    EXPECT_EQ(verdict.reasons[1].text, "another");
}

TEST(Migration, IsBlockedInRunStatesItCannotStartFrom) {
    for (const char* state : {"inmigrate", "postmigrate", "finish-migrate", "internal-error"}) {
        const MigrationVerdict verdict = judge({}, {}, state);
        EXPECT_FALSE(verdict.allowed()) << state;
        ASSERT_THAT(verdict.reasons, SizeIs(1));
        EXPECT_FALSE(verdict.reasons[0].device);
        EXPECT_THAT(verdict.reasons[0].text, HasSubstr(state));
    }
    for (const char* state : {"running", "paused", "prelaunch", "suspended", "shutdown", "io-error",
                              "guest-panicked", "watchdog", ""}) {
        EXPECT_TRUE(judge({}, {}, state).allowed()) << state;
    }
}

TEST(Migration, IsWarnedOfByOtherUsersOfAMastersRegion) {
    const MigrationVerdict verdict =
        judge({device_of("m", Role::master)}, {}, "running", {{"m", "shm0", "b/peer"}});
    EXPECT_TRUE(verdict.allowed());
    ASSERT_THAT(verdict.reasons, SizeIs(1));
    EXPECT_EQ(verdict.reasons[0].severity, Severity::warns);
    EXPECT_EQ(verdict.reasons[0].device, "m");
    EXPECT_THAT(verdict.reasons[0].text, HasSubstr("b/peer"));
    EXPECT_THAT(verdict.reasons[0].text, HasSubstr("shm0"));
}

TEST(Migration, OverridesWarningsByForceOnly) {
    const std::vector<Device> devices{device_of("m", Role::master)};
    const MigrationVerdict verdict = judge(devices, {}, "running", {{"m", "shm0", "b/peer"}});
    EXPECT_THAT(remaining_reasons(verdict, devices, {true, false}), SizeIs(1));
    EXPECT_THAT(remaining_reasons(verdict, devices, {false, true}), IsEmpty());
}

TEST(Migration, OverridesOurPeersWhereTheyAreTakenOut) {
    const std::vector<Device> devices{device_of("p", Role::peer)};
    const MigrationVerdict verdict = judge(devices, blocked_by({qemu_words, "another"}));
    EXPECT_THAT(remaining_reasons(verdict, devices, {false, true}), SizeIs(3));
    const std::vector<Reason> remaining = remaining_reasons(verdict, devices, {true, false});
    ASSERT_THAT(remaining, SizeIs(1));
    EXPECT_EQ(remaining[0].text, "another");
}

TEST(Migration, NeverOverridesAForeignPeer) {
    const std::vector<Device> devices{device_of("p", Role::peer, Origin::foreign)};
    const MigrationVerdict verdict = judge(devices, blocked_by({qemu_words}));
    EXPECT_THAT(remaining_reasons(verdict, devices, {true, true}), SizeIs(2));
}

TEST(Migration, BlockedCarriesAllReasonsAndNamesTheRemaining) {
    const std::vector<Device> devices{device_of("mine", Role::peer),
                                      device_of("theirs", Role::peer, Origin::foreign)};
    const MigrationVerdict verdict = judge(devices);
    const Error error =
        migration_blocked("vm0", verdict, remaining_reasons(verdict, devices, {true, false}));
    EXPECT_EQ(error.kind, ErrorKind::migration_blocked);
    EXPECT_THAT(error.message, HasSubstr("vm0"));
    EXPECT_THAT(error.message, HasSubstr("theirs: "));
    EXPECT_THAT(error.message, testing::Not(HasSubstr("mine: ")));
    EXPECT_EQ(error.details, (std::vector<ErrorDetail>{{"reasons", verdict.reasons}}));
}

TEST(Migration, RunsFromItsSetupToItsEnd) {
    for (const char* status : {"setup", "active", "device", "pre-switchover", "cancelling",
                               "failing", "postcopy-active", "wait-unplug", "a newer one"}) {
        EXPECT_TRUE(is_migrating(status, "running")) << status;
    }
    for (const char* status : {"", "none", "completed", "failed", "cancelled"}) {
        EXPECT_FALSE(is_migrating(status, "running")) << status;
    }
}

TEST(Migration, OfADestinationRunsOnceBytesCome) {
    EXPECT_FALSE(is_migrating("setup", "inmigrate"));
    EXPECT_FALSE(is_migrating("", "inmigrate"));
    EXPECT_TRUE(is_migrating("active", "inmigrate"));
}

TEST(MigrationUri, IsAPathOrAHostAndAPort) {
    EXPECT_EQ(*parse_migration_uri("unix:/run/x.sock"), (ListenAddress{"/run/x.sock", "", ""}));
    EXPECT_EQ(*parse_migration_uri("tcp:host:4444"), (ListenAddress{"", "host", "4444"}));
    EXPECT_EQ(*parse_migration_uri("tcp:[::1]:4444"), (ListenAddress{"", "[::1]", "4444"}));
    EXPECT_EQ(*parse_migration_uri("tcp::1"), (ListenAddress{"", "", "1"}));
}

TEST(MigrationUri, IsNothingElse) {
    for (const char* uri :
         {"", "exec:rm -rf /", "fd:3", "rdma:h:1", "unix:", "tcp:", "tcp:host",
          "tcp:host:", "tcp:host:0", "tcp:host:65536", "tcp:host:12a", "tcp:h:1,to=9", " unix:/x",
          "UNIX:/x", "/x", "unix:/x\n", "tcp:h\x7f:1", "unix:x", "unix:./x"}) {
        const Result<ListenAddress> address = parse_migration_uri(uri);
        ASSERT_FALSE(address) << uri;
        EXPECT_EQ(address.error().kind, ErrorKind::invalid_parameter);
        EXPECT_EQ(address.error().details[0], ErrorDetail("parameter", std::string("uri")));
    }
}

// QEMU runs in a directory of its own, and the kernel has room for so much.
TEST(MigrationUri, IsAWholePathThatASocketCanHave) {
    EXPECT_THAT(parse_migration_uri("unix:in.sock").error().message,
                testing::HasSubstr("begin it with /"));
    EXPECT_TRUE(parse_migration_uri("unix:/" + std::string(106, 'x')));
    EXPECT_FALSE(parse_migration_uri("unix:/" + std::string(107, 'x')));
}

TEST(MigrationUri, ReachesWhoeverListensAtItsPath) {
    const ListenAddress target{"/x", "", ""};
    EXPECT_TRUE(reaches(target, {"/x", "", ""}, false));
    EXPECT_FALSE(reaches(target, {"/y", "", ""}, true));
    EXPECT_FALSE(reaches(target, {"", "127.0.0.1", "1"}, true));
}

TEST(MigrationUri, ReachesAPortOfThisHostOrOfTheSameVm) {
    const ListenAddress listener{"", "0.0.0.0", "4444"};
    EXPECT_TRUE(reaches({"", "localhost", "4444"}, listener, false));
    EXPECT_TRUE(reaches({"", "127.0.0.1", "4444"}, listener, false));
    EXPECT_FALSE(reaches({"", "elsewhere", "4444"}, listener, false));
    EXPECT_TRUE(reaches({"", "this-host", "4444"}, listener, true));
    EXPECT_FALSE(reaches({"", "localhost", "4445"}, listener, true));
}

}  // namespace
}  // namespace ivshmemd
