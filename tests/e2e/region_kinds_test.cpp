#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/e2e/huge_pages.h"
#include "tests/e2e/memory_kinds.h"
#include "tests/support/json_text.h"
#include "tests/support/root.h"

// Where regions can be beside the usual directory, and views of them that a guest cannot write.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class RegionKinds : public HotplugTest {
  protected:
    void start_with(std::initializer_list<const QemuVm*> vms, const std::string& config) {
        std::ofstream(dir_ / "ivshmemd.toml") << config;
        start_daemon(vms, {.extra = {"--config", dir_ / "ivshmemd.toml"}});
    }
    std::string region_dir(const std::string& name, const fs::path& path) {
        return "[[region_dir]]\nname = \"" + name + "\"\npath = \"" + path.string() + "\"\n";
    }
    std::string region_device(const std::string& name, const fs::path& path) {
        return "[[region_device]]\nname = \"" + name + "\"\npath = \"" + path.string() + "\"\n";
    }
    json device(const std::string& vm) {
        const json reply(call_api(*daemon_, "ListDevices", {{"vm", vm}}));
        return member(reply, "parameters")["devices"].at(0);
    }
    json regions() {
        return member(call_api(*daemon_, "ListRegions", json::object()), "parameters")["regions"];
    }
};

TEST_F(RegionKinds, InAFurtherDirectoryHaveItsNameBeforeTheirs) {
    const TempDir other = TempDir::shared_memory();
    QemuVm vm(dir_.path(), {.name = "vm"});
    start_with({&vm}, region_dir("big", other.path()));
    expect_ctl_success(*daemon_, {"attach", "vm", "x", "--region", "big:0.frames", "--size", "1M"});
    EXPECT_EQ(device("vm")["region"], "big:0.frames");
    EXPECT_EQ(device("vm")["memoryPath"], (other / "0.frames").string());
    EXPECT_EQ(regions()[0]["name"], "big:0.frames");
    const json again(
        expect_ctl_success(*daemon_, {"attach", "vm", "x", "--region", "big:0.frames"}));
    EXPECT_EQ(again["changed"], false);
    expect_ctl_error(*daemon_, {"attach", "vm", "y", "--region", "small:x", "--size", "1M"}, 2,
                     "org.varlink.service.InvalidParameter");
    daemon_->kill();
    daemon_->start();
    EXPECT_EQ(device("vm")["region"], "big:0.frames");
    detach_by_reset(vm, "x", {"--remove-region"});
    EXPECT_FALSE(fs::exists(other / "0.frames"));
}

// A file stands for the node of a driver: what the daemon must not do is the same.
TEST_F(RegionKinds, OfADriverAreUsedAndNeverMadeOrRemoved) {
    const fs::path node = dir_ / "kvmfr0";
    QemuVm vm(dir_.path(), {.name = "vm"});
    start_with({&vm}, region_device("kvmfr0", node));
    const json missing(expect_ctl_error(*daemon_,
                                        {"attach", "vm", "x", "--region", "kvmfr0", "--size", "1M"},
                                        1, "RegionUnavailable"));
    EXPECT_THAT(missing["message"].get<std::string>(), HasSubstr("load the driver"));
    make_file(node, mebibyte);
    expect_ctl_success(*daemon_, {"attach", "vm", "x", "--region", "kvmfr0"});
    EXPECT_EQ(device("vm")["size"], mebibyte);
    EXPECT_EQ(device("vm")["sharing"], "shared");
    EXPECT_EQ(regions()[0]["name"], "kvmfr0");
    EXPECT_EQ(regions()[0]["createdByUs"], false);
    Child detach(start_detach("vm", "x", {"--remove-region"}));
    EXPECT_EQ(reset_until_exit(vm, detach), 0) << detach.err();
    EXPECT_THAT(detach.out(), HasSubstr("it is the memory of a driver"));
    EXPECT_TRUE(fs::exists(node));
}

TEST_F(RegionKinds, ThatAreReadonlyDropWhatTheGuestWrites) {
    if (QemuVm::installed_version() < 6000) GTEST_SKIP() << "QEMU 6.0 has readonly memory";
    QemuVm writer(dir_.path(), {.name = "writer", .guest = true});
    QemuVm reader(dir_.path(), {.name = "reader", .guest = true});
    start_daemon({&writer, &reader});
    writer.wait_guest_ready();
    reader.wait_guest_ready();
    expect_ctl_success(*daemon_, {"attach", "writer", "x", "--size", "1M"});
    expect_ctl_success(*daemon_, {"attach", "reader", "x", "--readonly"});
    EXPECT_EQ(device("reader")["readonly"], true);
    EXPECT_EQ(device("reader")["sharing"], "shared");
    EXPECT_EQ(device("writer")["readonly"], false);
    expect_ctl_error(*daemon_, {"attach", "reader", "x"}, 6, "DeviceExists");
    expect_ctl_error(*daemon_,
                     {"attach", "reader", "y", "--region", "x", "--readonly", "--role", "master"},
                     9, "ConfigUnsupported");
    const auto mapped = [](QemuVm& vm) {
        return eventually(boot_deadline(),
                          [&] { return vm.guest("shm list").output.ends_with(" 1048576\n"); });
    };
    ASSERT_TRUE(mapped(writer));
    ASSERT_TRUE(mapped(reader));
    EXPECT_EQ(writer.guest("shm write 0 from-the-writer").status, 0);
    EXPECT_EQ(reader.guest("shm read 0 15").output, "from-the-writer");
    reader.guest("shm write 0 from-the-reader");
    EXPECT_EQ(writer.guest("shm read 0 15").output, "from-the-writer");
    EXPECT_TRUE(reader.alive());
}

TEST_F(RegionKinds, OfHugePagesAreWholePages) {
    if (lacks_root("only root can mount")) return;
    const HugePages pages(regions_.path(), 2);
    if (!pages) GTEST_SKIP() << "the kernel gives no huge pages";
    QemuVm vm(dir_.path(), {.name = "vm"});
    start_daemon({&vm});
    const json small(
        expect_ctl_error(*daemon_, {"attach", "vm", "x", "--size", "1M"}, 2, "BadSize"));
    EXPECT_THAT(small["message"].get<std::string>(), HasSubstr("made of pages of 2M"));
    expect_ctl_success(*daemon_, {"attach", "vm", "x", "--size", "2M"});
    EXPECT_EQ(device("vm")["sharing"], "shared");
    const json full(
        expect_ctl_error(*daemon_, {"attach", "vm", "y", "--size", "64M"}, 1, "RegionUnavailable"));
    EXPECT_THAT(full["message"].get<std::string>(), HasSubstr("needs 64M more"));
    EXPECT_TRUE(vm.alive());
    detach_by_reset(vm, "x", {"--remove-region"});
    EXPECT_FALSE(fs::exists(region_file("x")));
    daemon_.reset();
}

}  // namespace
}  // namespace ivshmemd::test
