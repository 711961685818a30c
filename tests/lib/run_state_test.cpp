#include "lib/run_state.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace ivshmemd::test
