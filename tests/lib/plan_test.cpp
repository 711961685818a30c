#include "lib/plan.h"

#include <gtest/gtest.h>

#include <set>

namespace ivshmemd {
namespace {

DeviceSpec spec() {
    DeviceSpec made;
    made.name = "bus0";
    made.size = 1 << 20;
    made.region = "shared";
    made.bus = "pci.0";
    made.slot = 31;
    return made;
}

Plan attach() {
    return plan_attach(spec(), {"ivshmemd.bus0.mem.2", "/dev/shm/shared", ""});
}

TEST(PlanAttach, AddsTheBackendAndThenTheDevice) {
    const Plan plan = attach();
    ASSERT_EQ(plan.size(), 2U);
    const auto& backend = std::get<AddBackend>(plan[0].command);
    EXPECT_EQ(backend.id, "ivshmemd.bus0.mem.2");
    EXPECT_EQ(backend.path, "/dev/shm/shared");
    EXPECT_EQ(backend.size, 1U << 20);
    const auto& device = std::get<AddDevice>(plan[1].command);
    EXPECT_EQ(device.id, "ivshmemd.bus0");
    EXPECT_EQ(device.parts.backend_id, "ivshmemd.bus0.mem.2");
    EXPECT_EQ(device.spec, spec());
}

TEST(PlanAttach, TakesBackExactlyWhatEachStepMade) {
    const Plan plan = attach();
    ASSERT_TRUE(plan[0].undo && plan[1].undo);
    EXPECT_EQ(std::get<DelBackend>(*plan[0].undo).id, "ivshmemd.bus0.mem.2");
    EXPECT_EQ(std::get<DelDevice>(*plan[1].undo).id, "ivshmemd.bus0");
}

TEST(PlanAttach, GivesADeviceWithAServerADescriptorUnderTheServersPath) {
    DeviceSpec with_server = spec();
    with_server.model = Model::doorbell;
    with_server.region.reset();
    with_server.server = "/run/server.sock";
    const Plan plan = plan_attach(with_server, {"", "", "ivshmemd.bus0.chr"});
    ASSERT_EQ(plan.size(), 3U);
    EXPECT_EQ(std::get<PassFd>(plan[0].command).name, "/run/server.sock");
    EXPECT_EQ(std::get<CloseFd>(*plan[0].undo).name, "/run/server.sock");
    EXPECT_EQ(std::get<AddChardev>(plan[1].command).id, "ivshmemd.bus0.chr");
    EXPECT_EQ(std::get<AddChardev>(plan[1].command).fd_name, "/run/server.sock");
    EXPECT_EQ(std::get<DelChardev>(*plan[1].undo).id, "ivshmemd.bus0.chr");
    EXPECT_EQ(std::get<AddDevice>(plan[2].command).parts.chardev_id, "ivshmemd.bus0.chr");
}

TEST(PlanAttach, AsksLastWhereADeviceIsWhoseBusQemuFindsByAPath) {
    Parts parts{"ivshmemd.bus0.mem", "/dev/shm/shared", "", "/q35-pcihost/pcie.0/rp1"};
    EXPECT_EQ(plan_attach(spec(), parts).size(), 2U);
    parts.bus_path = "/machine/peripheral/rp1/pcie.0";
    const Plan plan = plan_attach(spec(), parts);
    ASSERT_EQ(plan.size(), 3U);
    EXPECT_EQ(std::get<AskBus>(plan[2].command).id, "ivshmemd.bus0");
    EXPECT_FALSE(plan[2].undo);
}

Plan attach_legacy() {
    DeviceSpec legacy = spec();
    legacy.model = Model::legacy;
    return plan_attach(legacy, {"ivshmemd.bus0.mem", "/dev/shm/shared", ""});
}

TEST(PlanAttach, TriesTheMemoryOfALegacyDeviceAndDeletesThatBeforeTheDevice) {
    const Plan plan = attach_legacy();
    ASSERT_EQ(plan.size(), 3U);
    const auto& backend = std::get<AddBackend>(plan[0].command);
    EXPECT_EQ(backend.id, "ivshmemd.bus0.mem");
    EXPECT_EQ(backend.path, "/dev/shm/shared");
    EXPECT_EQ(backend.size, 1U << 20);
    EXPECT_EQ(std::get<DelBackend>(plan[1].command).id, "ivshmemd.bus0.mem");
    EXPECT_FALSE(plan[1].undo);
    EXPECT_EQ(std::get<AddDevice>(plan[2].command).parts.memory_path, "/dev/shm/shared");
}

TEST(PlanAttach, TriesNoMemoryOfALegacyDeviceWithAServer) {
    DeviceSpec legacy = spec();
    legacy.model = Model::legacy;
    legacy.region.reset();
    legacy.server = "/run/server.sock";
    const Plan plan = plan_attach(legacy, {"", "", "ivshmemd.bus0.chr"});
    ASSERT_EQ(plan.size(), 3U);
    EXPECT_TRUE(std::holds_alternative<PassFd>(plan[0].command));
    EXPECT_TRUE(std::holds_alternative<AddChardev>(plan[1].command));
}

/// Which of the two undo commands come out, in order: "d" the device's, "b" the backend's.
std::string undone(const std::vector<StepOutcome>& outcomes) {
    std::string letters;
    for (const Command& command : undo_of(attach(), outcomes)) {
        letters += std::holds_alternative<DelDevice>(command) ? 'd' : 'b';
    }
    return letters;
}

TEST(UndoOf, TakesBackTheLastStepFirst) {
    EXPECT_EQ(undone({StepOutcome::done, StepOutcome::done}), "db");
}

TEST(UndoOf, DeletesTheBackendOfARefusedDevice) {
    EXPECT_EQ(undone({StepOutcome::done, StepOutcome::refused}), "b");
}

TEST(UndoOf, LeavesRefusedStepsAlone) {
    EXPECT_EQ(undone({StepOutcome::refused, StepOutcome::refused}), "");
    EXPECT_EQ(undone({StepOutcome::refused, StepOutcome::done}), "d");
}

TEST(UndoOf, TakesBackWhatMayHaveHappened) {
    EXPECT_EQ(undone({StepOutcome::unknown, StepOutcome::unknown}), "db");
    EXPECT_EQ(undone({StepOutcome::done, StepOutcome::unknown}), "db");
    EXPECT_EQ(undone({StepOutcome::unknown, StepOutcome::refused}), "b");
}

TEST(UndoOf, LeavesStepsThatWereNotSentAlone) {
    EXPECT_EQ(undone({StepOutcome::done}), "b");
    EXPECT_EQ(undone({}), "");
}

TEST(UndoOf, DeletesWhatALegacyDeviceWasTriedWithUnlessThatIsDone) {
    const Plan plan = attach_legacy();
    const StepOutcome done = StepOutcome::done;
    EXPECT_TRUE(undo_of(plan, {StepOutcome::refused}).empty());
    EXPECT_TRUE(undo_of(plan, {done, done, StepOutcome::refused}).empty());
    for (const StepOutcome outcome : {StepOutcome::refused, StepOutcome::unknown}) {
        const std::vector<Command> commands = undo_of(plan, {done, outcome});
        ASSERT_EQ(commands.size(), 1U);
        EXPECT_EQ(std::get<DelBackend>(commands[0]).id, "ivshmemd.bus0.mem");
    }
    const std::vector<Command> commands = undo_of(plan, {done, done, StepOutcome::unknown});
    ASSERT_EQ(commands.size(), 1U);
    EXPECT_TRUE(std::holds_alternative<DelDevice>(commands[0]));
}

TEST(UndoOf, PassesOverStepsThatNeedNoUndo) {
    const Plan plan = {{DelDevice{"a"}, std::nullopt}, {DelBackend{"b"}, std::nullopt}};
    EXPECT_TRUE(undo_of(plan, {StepOutcome::done, StepOutcome::done}).empty());
}

}  // namespace
}  // namespace ivshmemd
