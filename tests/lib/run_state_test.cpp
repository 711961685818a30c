#include "lib/run_state.h"

#include <gtest/gtest.h>

#include <vector>

namespace ivshmemd::test {
namespace {

TEST(RunState, IsBetweenHostsWhileAMigrationHoldsTheVm) {
    for (const char* state : {"inmigrate", "finish-migrate", "postmigrate"}) {
        EXPECT_TRUE(is_between_hosts(state)) << state;
    }
    for (const char* state : {"running", "paused", "prelaunch", "shutdown", "io-error", ""}) {
        EXPECT_FALSE(is_between_hosts(state)) << state;
    }
}

/// What is allowed in one run state.
struct Case {
    const char* run_state;
    bool attach_peer;
    bool attach_master;
    bool detach;
    bool migrate;
};

// All run states of QEMU, "" for one that it did not tell, and one that it may have some day.
const std::vector<Case> cases{
    {"colo", true, true, true, true},
    {"debug", true, true, true, true},
    {"inmigrate", false, true, false, false},
    {"internal-error", true, true, true, false},
    {"io-error", true, true, true, true},
    {"paused", true, true, true, true},
    {"postmigrate", false, false, false, false},
    {"prelaunch", true, true, true, true},
    {"finish-migrate", false, false, false, false},
    {"restore-vm", true, true, true, true},
    {"running", true, true, true, true},
    {"save-vm", true, true, true, true},
    {"shutdown", true, true, true, true},
    {"suspended", true, true, true, true},
    {"watchdog", true, true, true, true},
    {"guest-panicked", true, true, true, true},
    {"preconfig", true, true, true, true},
    {"", true, true, true, true},
    {"dreaming", true, true, true, true},
};

bool may(Operation operation, const char* run_state, Role role = Role::peer) {
    const bool result = allowed(operation, "web", run_state, role).has_value();
    EXPECT_EQ(objection(operation, run_state, role).has_value(), !result);
    return result;
}

TEST(RunState, SaysWhatIsAllowed) {
    for (const Case& each : cases) {
        const char* state = each.run_state;
        EXPECT_EQ(may(Operation::attach, state), each.attach_peer) << state;
        EXPECT_EQ(may(Operation::attach, state, Role::master), each.attach_master) << state;
        EXPECT_EQ(may(Operation::replug, state), each.attach_peer) << state;
        EXPECT_EQ(may(Operation::detach, state), each.detach) << state;
        EXPECT_EQ(may(Operation::detach, state, Role::master), each.detach) << state;
        EXPECT_EQ(may(Operation::migrate, state), each.migrate) << state;
    }
}

TEST(RunState, SaysWhatIsInTheWay) {
    const auto refusal = [](Operation operation, const char* state, Role role) {
        const Result<void> result = allowed(operation, "web", state, role);
        if (result) return std::string();
        EXPECT_EQ(result.error().kind, ErrorKind::vm_unavailable);
        EXPECT_EQ(result.error().details,
                  (std::vector<ErrorDetail>{{"state", std::string(state)}}));
        return result.error().message;
    };
    EXPECT_EQ(refusal(Operation::attach, "inmigrate", Role::peer),
              "VM web is in run state inmigrate, which takes no peer");
    EXPECT_EQ(refusal(Operation::attach, "postmigrate", Role::master),
              "VM web is in run state postmigrate, which takes no device");
    EXPECT_EQ(refusal(Operation::detach, "inmigrate", Role::peer),
              "VM web is in run state inmigrate, where no guest answers");
    EXPECT_EQ(refusal(Operation::migrate, "internal-error", Role::peer),
              "VM web is in run state internal-error, from which none can start");
}

}  // namespace
}  // namespace ivshmemd::test
