#include "daemon/migration/replug.h"

#include <gmock/gmock.h>

#include "tests/daemon/migration/migrate_fixture.h"

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

class Replug : public MigrateFixture {
  protected:
    void start_incoming() {
        pc_.set_run_state("inmigrate");
        host_.deadlines.incoming = Milliseconds(150);
        start();
    }

    static DeviceSpec spec_of(const std::string& name, Role role, int slot) {
        DeviceSpec spec;
        spec.name = spec.region.emplace(name);
        spec.role = role;
        spec.size = mebibyte;
        spec.bus = "pci.0";
        spec.slot = slot;
        return spec;
    }
};

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

TEST_F(Replug, GivesAnIncomingVmItsMastersAtOnce) {
    start_incoming();
    host_.deadlines.incoming = Milliseconds(15000);
    const auto masters = finish(loop_.start(replug(vm(), {{spec_of("m", Role::master, 20)}})));
    ASSERT_TRUE(masters) << masters.error().message;
    ASSERT_EQ(masters->size(), 1u);
    EXPECT_EQ(pc_.slot_of("ivshmemd.m"), 20);
    EXPECT_TRUE(pc_.has_backend("ivshmemd.m.mem")) << "as at the source";

    std::vector<DeviceSpec> both{spec_of("p", Role::peer, 22), spec_of("n", Role::master, 21)};
    const auto running = loop_.start(replug(vm(), both));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.has_device("ivshmemd.n"); }));
    pass(Milliseconds(50));
    EXPECT_FALSE(running->done);
    EXPECT_FALSE(pc_.has_device("ivshmemd.p")) << "a peer waits until it runs";
    pc_.set_run_state("running", "RESUME");
    const auto result = finish(running);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->size(), 2u);
    EXPECT_EQ(pc_.slot_of("ivshmemd.p"), 22);
}

TEST_F(Replug, PutsAMasterThatIsToGetItsContentIntoItsSlotOrNowhere) {
    start_incoming();
    ASSERT_TRUE(finish(loop_.start(replug(vm(), {{spec_of("m", Role::master, 20)}}))));
    const auto taken = finish(loop_.start(replug(vm(), {{spec_of("n", Role::master, 20)}})));
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().kind, ErrorKind::slot_in_use);
    EXPECT_FALSE(pc_.has_device("ivshmemd.n"));
}

TEST_F(Replug, GivesAMasterTheBackendThatItsContentIsFor) {
    start_incoming();
    DeviceSpec spec = spec_of("m", Role::master, 20);
    spec.backend = "theirs-memory";
    ASSERT_TRUE(finish(loop_.start(replug(vm(), {{spec}}))));
    EXPECT_TRUE(pc_.has_backend("theirs-memory"));
    EXPECT_EQ(vm()->device("m")->backend, "theirs-memory");
    ASSERT_TRUE(finish(loop_.start(replug(vm(), {{spec}})))) << "it is there";
    DeviceSpec other = spec_of("n", Role::master, 21);
    other.backend = spec.backend;
    const auto taken = finish(loop_.start(replug(vm(), {{other}})));
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().kind, ErrorKind::device_exists);
    EXPECT_THAT(taken.error().message, HasSubstr("theirs-memory"));
    EXPECT_FALSE(pc_.has_device("ivshmemd.n"));

    pc_.set_run_state("running", "RESUME");
    ASSERT_TRUE(loop_.run_until([this] { return vm()->run_state() == "running"; }));
    pc_.set_guest(FakePc::Guest::lets_go);
    ASSERT_TRUE(detach_now(leave("m")));
    EXPECT_FALSE(pc_.has_backend("theirs-memory")) << "it was made for the device";
}

TEST_F(Replug, SaysWhichMastersAreThereWhenTheVmDoesNotRunInTime) {
    start_incoming();
    std::vector<DeviceSpec> both{spec_of("p", Role::peer, 22), spec_of("m", Role::master, 21)};
    const auto result = finish(loop_.start(replug(vm(), both)));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::timed_out);
    EXPECT_THAT(result.error().message, HasSubstr("plugged in before it: m"));
}

TEST_F(Replug, WaitsForAnIncomingVmToRun) {
    start_incoming();
    const std::vector<DeviceSpec> specs{spec_of("x", Role::peer, 20)};
    const auto early = finish(loop_.start(replug(vm(), specs)));
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().kind, ErrorKind::timed_out);
    EXPECT_FALSE(pc_.has_device("ivshmemd.x"));

    host_.deadlines.incoming = Milliseconds(15000);
    const auto running = loop_.start(replug(vm(), specs));
    pass(Milliseconds(50));
    EXPECT_FALSE(running->done);
    pc_.set_run_state("running", "RESUME");
    const auto result = finish(running);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(pc_.slot_of("ivshmemd.x"), 20) << "its slot was free";
}

}  // namespace
}  // namespace ivshmemd::test
