#include "daemon/migration/replug.h"

#include <gmock/gmock.h>

#include "tests/daemon/migration/migrate_fixture.h"

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

class Replug : public MigrateFixture {};

TEST_F(Replug, PlugsInNothingWhereTheModelIsMissing) {
    start_with_peers();
    std::vector<DeviceSpec> specs;
    specs.push_back(vm()->device("p1")->spec);
    specs.push_back(vm()->device("p2")->spec);
    specs[0].name = "x";
    specs[1].name = "y";
    specs[1].model = Model::legacy;
    const auto result = finish(loop_.start(replug(vm(), specs)));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::model_not_supported);
    EXPECT_THAT(result.error().message, HasSubstr("y cannot be plugged in"));
    EXPECT_FALSE(pc_.has_device("ivshmemd.x"));
}

TEST_F(Replug, WaitsForAnIncomingVmToRun) {
    pc_.set_run_state("inmigrate");
    host_.deadlines.incoming = Milliseconds(150);
    start();
    std::vector<DeviceSpec> specs(1);
    specs[0].name = specs[0].region.emplace("x");
    specs[0].size = mebibyte;
    specs[0].bus = "pci.0";
    specs[0].slot = 20;
    const auto early = finish(loop_.start(replug(vm(), specs)));
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().kind, ErrorKind::timed_out);
    EXPECT_FALSE(pc_.has_device("ivshmemd.x"));

    host_.deadlines.incoming = Milliseconds(15000);
    const auto running = loop_.start(replug(vm(), specs));
    loop_.run_for(Milliseconds(50));
    EXPECT_FALSE(running->done);
    pc_.set_run_state("running", "RESUME");
    const auto result = finish(running);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(pc_.slot_of("ivshmemd.x"), 20) << "its slot was free";
}

}  // namespace
}  // namespace ivshmemd::test
