#include <gmock/gmock.h>
#include <sys/mount.h>
#include <unistd.h>

#include <list>
#include <nlohmann/json.hpp>

#include "tests/e2e/huge_pages.h"
#include "tests/e2e/service_fixture.h"
#include "tests/support/json_text.h"

// Each kind of place for regions, for the daemon as the service that it usually is: with the lines
// in a drop-in that the manual gives, it hands them to the QEMUs of other users.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class RegionsOfTheService : public ServiceTest {
  protected:
    /// A machine of this user, who is in the group of the monitors if need be.
    QemuVm& machine(const std::string& name, uid_t user, const std::vector<gid_t>& groups = {}) {
        return vms_.emplace_back(monitor_dir(),
                                 VmOptions{.name = name, .launcher = as_user(user, groups)});
    }
    static std::string region_dir(const fs::path& path) {
        return "[[region_dir]]\nname = \"big\"\npath = \"" + path.string() + "\"\n";
    }
    /// Nothing is missing in the unit, and a region of that size is shared by two machines, with
    /// the second one perhaps only looking on.
    void expect_shared(const std::string& region, const std::string& size,
                       const std::string& sharing, const std::vector<std::string>& options = {}) {
        expect_ctl_success(*daemon_, {"attach", "web", "x", "--region", region, "--size", size});
        std::vector<std::string> second{"attach", "db", "x", "--region", region};
        second.insert(second.end(), options.begin(), options.end());
        expect_ctl_success(*daemon_, second);
        for (QemuVm& vm : vms_) {
            const json device(find_device(*daemon_, vm.name(), "x"));
            EXPECT_EQ(member(device, "region"), region);
            EXPECT_EQ(member(device, "sharing"), sharing) << vm.name();
            EXPECT_TRUE(vm.alive());
        }
        const json found(run_ctl(*daemon_, {"doctor"}).json()["findings"]);
        for (const json& each : found) {
            EXPECT_NE(each["kind"], "placeUnusable") << each;
            EXPECT_NE(each["severity"], "problem") << each;
        }
        for (QemuVm& vm : vms_) detach_by_reset(vm, "x");
    }

    std::list<QemuVm> vms_;
};

TEST_F(RegionsOfTheService, LieInAFurtherDirectory) {
    const fs::path big = dir_ / "big";
    fs::create_directory(big);
    fs::permissions(big, fs::perms(01777));
    QemuVm& web = machine("web", alice);
    QemuVm& db = machine("db", bob);
    start_service({&web, &db}, {region_dir(big), documented_lines("region_dir", big)});
    expect_shared("big:frames", "1M", "shared");
    EXPECT_EQ(files_in(big), std::set<std::string>{"frames"}) << "nothing of a probe is left";
}

TEST_F(RegionsOfTheService, AreSeenByAReaderThatCannotWriteThem) {
    if (QemuVm::installed_version() < 6000) GTEST_SKIP() << "QEMU 6.0 has readonly memory";
    QemuVm& web = machine("web", alice);
    QemuVm& db = machine("db", bob);
    start_service({&web, &db});
    expect_shared("frames", "1M", "shared", {"--readonly"});
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"frames"});
}

// A file stands for the node: the unit hides it until it is told otherwise, as it does a node.
TEST_F(RegionsOfTheService, AreTheMemoryOfADriver) {
    char directory[] = "/dev/ivshmemd-test-XXXXXX";
    ASSERT_TRUE(::mkdtemp(directory));
    const std::string node = directory + std::string("/kvmfr0");
    const auto made = run(Command{{"fallocate", "-l", "1M", node}});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    fs::permissions(directory, fs::perms(0755));
    EXPECT_EQ(::chown(node.c_str(), 0, monitors), 0);
    fs::permissions(node, fs::perms(0660));
    const std::string config =
        "[[region_device]]\nname = \"kvmfr0\"\npath = \"" + node + "\"\nsize = \"1M\"\n";
    QemuVm& web = machine("web", alice, {monitors});
    QemuVm& db = machine("db", bob, {monitors});
    start_service({&web, &db}, {config, documented_lines("region_device", node)});
    expect_shared("kvmfr0", "1M", "unverified");
    EXPECT_TRUE(fs::exists(node)) << "it is the driver's";
    daemon_.reset();
    fs::remove_all(directory);
}

// Where there are no ACLs, the QEMUs' users get in by the group that the directory gives its files.
TEST_F(RegionsOfTheService, AreMadeOfHugePages) {
    const fs::path big = dir_ / "big";
    fs::create_directory(big);
    const HugePages pages(big, 3);
    if (!pages) GTEST_SKIP() << "the kernel gives no huge pages";
    ASSERT_EQ(::chown(big.c_str(), keeper, monitors), 0);
    fs::permissions(big, fs::perms(02770));
    const std::string config = region_dir(big) + "[region]\ngroup = \"61010\"\n";
    QemuVm& web = machine("web", alice, {monitors});
    QemuVm& db = machine("db", bob, {monitors});
    start_service({&web, &db}, {config, documented_lines("region_dir", big)});
    expect_shared("big:frames", "2M", "shared");
    const json small(expect_ctl_error(
        *daemon_, {"attach", "web", "y", "--region", "big:y", "--size", "1M"}, 2, "BadSize"));
    EXPECT_THAT(small["message"].get<std::string>(), HasSubstr("made of pages of 2M"));
    vms_.clear();
    daemon_.reset();
}

}  // namespace
}  // namespace ivshmemd::test
