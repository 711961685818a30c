#include "lib/migration/masters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/migration/migration.h"

namespace ivshmemd {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr MigrationSettings ignoring{.ignores_shared = true};

Device master_of(Model model = Model::plain) {
    Device device;
    device.spec.name = "m";
    device.spec.model = model;
    device.spec.role = Role::master;
    device.has_server = model == Model::doorbell;
    return device;
}

Device with_memory(bool shared, bool writable) {
    Device device = master_of();
    device.memory.emplace();
    device.memory->shared = shared;
    device.memory->writable = writable;
    return device;
}

Capabilities qemu_of(const Version& version, bool kvm = false) {
    Capabilities qemu;
    qemu.version = version;
    qemu.accelerated = kvm;
    return qemu;
}

TEST(MigrationSettings, ThatIgnoreSharedMemoryLeaveAMastersContentBehind) {
    for (const Device& device :
         {master_of(), master_of(Model::doorbell), with_memory(true, true)}) {
        const std::vector<Reason> reasons = judge_settings({device}, ignoring);
        ASSERT_THAT(reasons, SizeIs(1));
        EXPECT_EQ(reasons[0].severity, Severity::blocks);
        EXPECT_EQ(reasons[0].device, "m");
        EXPECT_THAT(reasons[0].text, HasSubstr("x-ignore-shared is on; switch it off with"));
    }
    EXPECT_THAT(judge_settings({with_memory(false, true)}, ignoring), IsEmpty());
}

TEST(MigrationSettings, ThatIgnoreSharedMemoryMatterForMastersOnly) {
    Device device = master_of();
    device.state = DeviceState::leaked;
    EXPECT_THAT(judge_settings({device}, ignoring), IsEmpty());
    device = master_of();
    device.spec.role = Role::peer;
    EXPECT_THAT(judge_settings({device}, ignoring), IsEmpty()) << "peers are a matter of their own";
}

struct Mode {
    const char* mode;
    bool plain;
    bool doorbell;
};

TEST(MigrationSettings, OfModesKeepADoorbellsServer) {
    for (const Mode& each : {Mode{"", true, true}, Mode{"normal", true, true},
                             Mode{"cpr-reboot", true, true}, Mode{"cpr-transfer", true, false},
                             Mode{"cpr-exec", true, false}, Mode{"another", true, true}}) {
        const MigrationSettings settings{false, each.mode};
        EXPECT_EQ(judge_settings({master_of()}, settings).empty(), each.plain) << each.mode;
        const auto reasons = judge_settings({master_of(Model::doorbell)}, settings);
        EXPECT_EQ(reasons.empty(), each.doorbell) << each.mode;
        for (const Reason& reason : reasons) {
            EXPECT_EQ(reason.severity, Severity::blocks);
            EXPECT_THAT(reason.text, HasSubstr("mode " + std::string(each.mode)));
        }
    }
    EXPECT_THAT(judge_settings({master_of()}, {true, "cpr-reboot"}), SizeIs(1));
}

TEST(MigrationMasters, CanEndANewQemuThatRunsWithoutKvm) {
    const std::vector<Device> devices{master_of()};
    const std::vector<Reason> reasons = judge_masters(devices, "running", qemu_of({10, 0, 3}));
    ASSERT_THAT(reasons, SizeIs(1));
    EXPECT_EQ(reasons[0].severity, Severity::warns);
    EXPECT_FALSE(reasons[0].device);
    EXPECT_THAT(reasons[0].text, HasSubstr("stop the VM first"));
    EXPECT_THAT(reasons[0].text, HasSubstr("ivshmemctl replug"));
    EXPECT_THAT(judge_masters(devices, "running", qemu_of({9, 0, 0})), SizeIs(1));
}

TEST(MigrationMasters, AreSafeElsewhere) {
    const std::vector<Device> devices{master_of()};
    EXPECT_THAT(judge_masters(devices, "running", qemu_of({8, 2, 9})), IsEmpty());
    EXPECT_THAT(judge_masters(devices, "running", qemu_of({10, 0, 0}, true)), IsEmpty());
    EXPECT_THAT(judge_masters({}, "running", qemu_of({10, 0, 0})), IsEmpty());
    for (const char* state : {"paused", "prelaunch", "shutdown", "suspended"}) {
        EXPECT_THAT(judge_masters(devices, state, qemu_of({10, 0, 0})), IsEmpty()) << state;
    }
}

TEST(MigrationMasters, WarnOfMemoryThatContentCannotBeLoadedInto) {
    const auto reasons = judge_masters({with_memory(true, false)}, "paused", {});
    ASSERT_THAT(reasons, SizeIs(1));
    EXPECT_EQ(reasons[0].severity, Severity::warns);
    EXPECT_EQ(reasons[0].device, "m");
    EXPECT_THAT(reasons[0].text, HasSubstr("read-only"));
    EXPECT_THAT(judge_masters({with_memory(true, true)}, "paused", {}), IsEmpty());
}

TEST(MigrationMasters, ArePartOfTheVerdict) {
    MigrationFacts facts;
    facts.settings = ignoring;
    const std::vector<Device> devices{master_of()};
    const MigrationVerdict verdict =
        judge_migration(devices, facts, "running", {}, qemu_of({10, 0, 0}));
    EXPECT_FALSE(verdict.allowed());
    EXPECT_THAT(verdict.reasons, SizeIs(2));
    EXPECT_THAT(remaining_reasons(verdict, devices, {true, true}), SizeIs(1))
        << "force overrides the warning only";
}

}  // namespace
}  // namespace ivshmemd
