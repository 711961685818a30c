#include "daemon/fleet/diagnosis_facts.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "daemon/vm/refresh.h"
#include "tests/daemon/vm/operation_fixture.h"

// What is found about machines of our own making, such as no QEMU of today is.

namespace ivshmemd::test {
namespace {

using testing::Contains;
using testing::Not;
using testing::UnorderedElementsAre;

class DiagnosisFacts : public OperationFixture {
  protected:
    /// Kinds of what is found in this VM and the regions it uses.
    std::vector<FindingKind> found(const std::optional<std::string>& only = "a") {
        std::vector<FindingKind> kinds;
        for (const Finding& each : diagnose(diagnosis_facts(host_, registry_), only)) {
            kinds.push_back(each.kind);
        }
        return kinds;
    }

    void give_models(const std::set<std::string>& types) {
        const auto properties = [types](const json& arguments) {
            if (types.contains(arguments["typename"])) return FakeQemu::ok(json::array());
            return FakeQemu::error("DeviceNotFound", "no such device");
        };
        pc_.on("device-list-properties", properties);
    }

    using json = nlohmann::json;
};

TEST_F(DiagnosisFacts, TellOfAMachineWithNothingWrong) {
    start();
    EXPECT_THAT(found(), UnorderedElementsAre());
}

TEST_F(DiagnosisFacts, TellOfAQemuWithoutModels) {
    give_models({});
    start();
    EXPECT_THAT(found(), UnorderedElementsAre(FindingKind::no_model));
}

TEST_F(DiagnosisFacts, TellOfAnOldQemuWithTheLegacyModelAlone) {
    give_models({"ivshmem"});
    pc_.qemu().version(2, 5);
    start();
    EXPECT_THAT(found(), UnorderedElementsAre(FindingKind::legacy_only, FindingKind::qemu_too_old));
}

TEST_F(DiagnosisFacts, TellOfAVmThatIsNotThere) {
    start();
    ASSERT_TRUE(wait_state(VmState::unreachable, "b"));
    const std::vector<Finding> findings = diagnose(diagnosis_facts(host_, registry_));
    ASSERT_EQ(findings.size(), 1u);
    EXPECT_EQ(findings[0].kind, FindingKind::vm_unreachable);
    EXPECT_EQ(findings[0].vm, "b");
    EXPECT_THAT(findings[0].mend, testing::HasSubstr(socket("b")));
}

// The fake's command line does not name the socket, so its process is not known.
TEST_F(DiagnosisFacts, TellThatAMappingIsNotKnown) {
    ASSERT_TRUE(host_.regions.create("theirs", mebibyte, ::geteuid()));
    pc_.put_backend("theirs.mem", {region_path("theirs"), mebibyte, true});
    pc_.put_device("theirs", {.backend = "theirs.mem"});
    start();
    EXPECT_THAT(found(), UnorderedElementsAre(FindingKind::mapping_unknown));
    ASSERT_TRUE(attach_now(request("x")));
    loop_.run(refresh_for_read(vm()));
    EXPECT_THAT(found(), UnorderedElementsAre(FindingKind::mapping_unknown)) << "ours is proved";
}

TEST_F(DiagnosisFacts, TellOfABackendThatCannotBeDeleted) {
    pc_.put_backend("ivshmemd.x.mem", {region_path("x"), mebibyte, true});
    pc_.pin_backend("ivshmemd.x.mem");
    start();
    ASSERT_TRUE(loop_.run_until([this] { return !vm()->turn().busy(); }));
    EXPECT_THAT(found(), UnorderedElementsAre(FindingKind::backend_leaked));
}

TEST_F(DiagnosisFacts, TellOfARegionThatIsGone) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    std::filesystem::remove(region_path("x"));
    EXPECT_THAT(found(), Contains(FindingKind::region_missing));
}

TEST_F(DiagnosisFacts, DoNotMissTheFilesOfOthersThatLieElsewhere) {
    pc_.put_backend("theirs-memory", {"/nowhere/x", mebibyte, true});
    pc_.put_device("theirs", {.slot = 5, .backend = "theirs-memory"});
    start();
    EXPECT_THAT(found(), Not(Contains(FindingKind::region_missing)));
}

TEST_F(DiagnosisFacts, TellOfARegionThatNobodyUsesOnceItsDeviceIsNotComing) {
    start();
    pc_.hold("object-add");
    const auto running = start_attach(request("x"));
    ASSERT_TRUE(loop_.run_until([this] { return region_exists("x"); }));
    EXPECT_THAT(found(std::nullopt), Not(Contains(FindingKind::region_unused)));
    pc_.release();
    ASSERT_TRUE(finish(running));
    EXPECT_THAT(found(std::nullopt), Not(Contains(FindingKind::region_unused)));
    ASSERT_TRUE(detach_now(leave("x")));
    EXPECT_THAT(found(std::nullopt), Contains(FindingKind::region_unused));
}

TEST_F(DiagnosisFacts, CountTheRegionsOfDevicesThatAMigrationTookOutAsAwaited) {
    start();
    MigrationRecord record;
    record.vm = "a";
    record.devices.emplace_back().region = "moved";
    SavedState state;
    state.migrations = {record};
    loop_.run(host_.store->put(std::move(state)));
    EXPECT_THAT(diagnosis_facts(host_, registry_).awaited,
                UnorderedElementsAre(region_path("moved")));
}

}  // namespace
}  // namespace ivshmemd::test
