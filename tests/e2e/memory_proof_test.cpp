#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/e2e/memory_kinds.h"
#include "tests/support/json_text.h"
#include "tests/support/root.h"

// A region is handed to a guest only when it is there, all of it, and the QEMU sees that very file.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

uint64_t allocated(const fs::path& file) {
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0 ? static_cast<uint64_t>(status.st_blocks) * 512 : 0;
}

/// A file of that size without any memory behind it but its first four bytes.
void make_sparse(const fs::path& file, uint64_t size) {
    std::ofstream(file) << "kept";
    fs::resize_file(file, size);
}

std::string first_bytes(const fs::path& file) {
    std::string bytes(4, '\0');
    std::ifstream(file).read(bytes.data(), 4);
    return bytes;
}

class MemoryProof : public HotplugTest {
  protected:
    /// A QEMU with a file system of its own where the regions are, as in a container.
    VmOptions secluded(std::string name) {
        return {.name = std::move(name),
                .launcher = {"unshare", "--mount", "bash", "-c",
                             "mount -t tmpfs none \"$0\" && exec \"$@\"", regions_.path()}};
    }

    json device(const std::string& vm) {
        const json reply(call_api(*daemon_, "ListDevices", {{"vm", vm}}));
        return member(reply, "parameters")["devices"].at(0);
    }
    std::string message_of(const std::vector<std::string>& attach, int exit_code,
                           const std::string& error) {
        const json parameters(expect_ctl_error(*daemon_, attach, exit_code, error));
        return parameters["message"];
    }
};

TEST_F(MemoryProof, OfAFileThatQemuSees) {
    QemuVm vm(dir_.path(), {.name = "vm"});
    start_daemon({&vm});
    const json reply(expect_ctl_success(*daemon_, {"attach", "vm", "x", "--size", "1M"}));
    EXPECT_EQ(reply["device"]["sharing"], "shared");
    EXPECT_EQ(reply["device"]["memoryPath"], region_file("x").string());
}

TEST_F(MemoryProof, IsNotThereForAQemuInAContainer) {
    if (lacks_root("only root can mount")) return;
    QemuVm vm(dir_.path(), secluded("vm"));
    start_daemon({&vm});
    const json before(machine_state(vm));
    const std::string message =
        message_of({"attach", "vm", "x", "--size", "1M"}, 1, "RegionUnavailable");
    EXPECT_THAT(message, HasSubstr("VM vm would not share region " + region_file("x").string()));
    EXPECT_THAT(message, HasSubstr("it sees another file system than this host"));
    EXPECT_EQ(machine_state(vm), before);
    EXPECT_FALSE(fs::exists(region_file("x")));
    make_file(region_file("y"), mebibyte);
    message_of({"attach", "vm", "y"}, 1, "RegionUnavailable");
    EXPECT_EQ(machine_state(vm), before);
    EXPECT_EQ(fs::file_size(region_file("y")), mebibyte) << "it was there before";
}

TEST_F(MemoryProof, OfAForeignDeviceInAContainerIsNotTheFileOfThatNameHere) {
    if (lacks_root("only root can mount")) return;
    make_file(region_file("frames"), mebibyte);
    VmOptions options = secluded("inside");
    const std::string object =
        "memory-backend-file,id=m0,size=1M,share=on,mem-path=" + region_file("frames").string();
    options.extra = {"-object", object, "-device", "ivshmem-plain,memdev=m0,id=theirs,master=on"};
    QemuVm inside(dir_.path(), options);
    QemuVm outside(dir_.path(), {.name = "outside"});
    start_daemon({&inside, &outside});
    EXPECT_EQ(device("inside").value("memoryPath", "").find(region_file("frames").string()),
              std::string::npos);
    expect_ctl_success(*daemon_, {"attach", "outside", "frames", "--role", "master"});
    const json reply(call_api(*daemon_, "ListRegions", json::object()));
    const json regions(member(reply, "parameters")["regions"]);
    ASSERT_EQ(regions.size(), 1u) << regions;
    ASSERT_EQ(regions[0]["users"].size(), 1u) << regions;
    EXPECT_EQ(regions[0]["users"][0]["vm"], "outside");
}

class SmallFileSystem : public MemoryProof {
  protected:
    void SetUp() override {
        if (lacks_root("only root can mount")) return;
        MemoryProof::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        // Seen by what is started from here, and gone with this process.
        ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
        ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        ASSERT_EQ(::mount("none", regions_.path().c_str(), "tmpfs", 0, "size=8M"), 0);
    }
    void TearDown() override {
        MemoryProof::TearDown();
        daemon_.reset();
        ::umount2(regions_.path().c_str(), MNT_DETACH);
    }
};

TEST_F(SmallFileSystem, HasNoRoomForASparseRegionThatIsLarger) {
    QemuVm vm(dir_.path(), {.name = "vm"});
    start_daemon({&vm});
    const json before(machine_state(vm));
    make_sparse(region_file("large"), 16 * mebibyte);
    const std::string message = message_of({"attach", "vm", "large"}, 1, "RegionUnavailable");
    EXPECT_THAT(message, HasSubstr("needs 15M more, and its file system has 7M free"));
    EXPECT_EQ(allocated(region_file("large")), 4096u) << "nothing of it is taken";
    message_of({"attach", "vm", "new", "--size", "8M"}, 1, "RegionUnavailable");
    EXPECT_FALSE(fs::exists(region_file("new")));
    EXPECT_EQ(machine_state(vm), before);
}

TEST_F(SmallFileSystem, GetsASparseRegionReservedAndItsContentKept) {
    QemuVm vm(dir_.path(), {.name = "vm"});
    start_daemon({&vm});
    make_sparse(region_file("frames"), 4 * mebibyte);
    expect_ctl_success(*daemon_, {"attach", "vm", "frames"});
    EXPECT_EQ(allocated(region_file("frames")), 4 * mebibyte);
    EXPECT_EQ(first_bytes(region_file("frames")), "kept");
}

TEST_F(MemoryProof, OfAnEmptyFileIsItsSizeOnceItIsAskedFor) {
    QemuVm vm(dir_.path(), {.name = "vm"});
    start_daemon({&vm});
    make_file(region_file("looking-glass"), 0);
    const std::string message = message_of({"attach", "vm", "looking-glass"}, 2, "BadSize");
    EXPECT_THAT(message, HasSubstr("say with --size how large it is to be"));
    {
        const std::ifstream open(region_file("looking-glass"));
        EXPECT_THAT(
            message_of({"attach", "vm", "looking-glass", "--size", "1M"}, 1, "RegionUnavailable"),
            HasSubstr("some process has it open"));
        EXPECT_EQ(fs::file_size(region_file("looking-glass")), 0u);
    }
    expect_ctl_success(*daemon_, {"attach", "vm", "looking-glass", "--size", "1M"});
    EXPECT_EQ(allocated(region_file("looking-glass")), mebibyte);
}

}  // namespace
}  // namespace ivshmemd::test
