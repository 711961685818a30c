#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// A master that is a window of a file moves between the machines of two daemons, as between two
// hosts, each with a file of its own: the window's bytes arrive, and what is around it stays. The
// source does not run meanwhile.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t mebibyte = 1 << 20;

class MigrationOfWindows : public HotplugTest {
  protected:
    void SetUp() override {
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (QemuVm::installed_version() < 8001) GTEST_SKIP() << "QEMU 8.1 has windows";
        fill(here(), "source");
        fill(there(), "destination");
        source_.emplace(dir_.path(), with_device("src", {}));
        start_daemon({&*source_});
    }

    fs::path here() const { return region_file("frames"); }
    fs::path there() const { return far_regions_ / "frames"; }
    std::string uri() const { return "unix:" + (dir_ / "in.sock").string(); }

    /// Three parts: the window is the one in the middle.
    static void fill(const fs::path& file, const std::string& whose) {
        make_file(file, 3 * mebibyte);
        const std::string parts[] = {"before", "window", "behind"};
        for (uint64_t part = 0; part < 3; ++part) {
            write_file(file, part * mebibyte, whose + " " + parts[part]);
            write_file(file, (part + 1) * mebibyte - 1, "|");
        }
    }
    /// What begins each part of a file, with its last byte.
    static std::string part(const fs::path& file, uint64_t number) {
        const std::string begin = read_file(file, number * mebibyte, 32);
        return begin.substr(0, begin.find('\0')) + read_file(file, (number + 1) * mebibyte - 1, 1);
    }

    VmOptions with_device(const std::string& name, std::vector<std::string> extra) {
        if (extra.empty()) {
            extra = {
                "-object",
                "memory-backend-file,id=w,share=on,size=1M,offset=1M,mem-path=" + here().string(),
                "-device", "ivshmem-plain,memdev=w,id=theirs,addr=9,master=on"};
        }
        return {.name = name, .extra = std::move(extra)};
    }

    /// A daemon and a machine of the other host, which has this file where the source has its own.
    void start_other_host(std::vector<std::string> arguments) {
        for (std::string& each : arguments) {
            const std::size_t at = each.find(regions_.path().string());
            if (at == std::string::npos) continue;
            each.replace(at, regions_.path().string().size(), far_regions_.path().string());
        }
        arguments.insert(arguments.end(), {"-incoming", uri()});
        destination_.emplace(far_dir_.path(), with_device("dst", arguments));
        far_daemon_.emplace(DaemonOptions{.vms = {{"dst", destination_->qmp_socket()}},
                                          .region_dir = far_regions_.path()});
        ASSERT_TRUE(far_daemon_->wait_vm_state("dst", "connected", soon()));
    }

    TempDir far_dir_;
    TempDir far_regions_ = TempDir::shared_memory();
    std::optional<QemuVm> source_, destination_;
    std::optional<DaemonProcess> far_daemon_;
};

TEST_F(MigrationOfWindows, TakesItsBytesAlongAndNoOthers) {
    const json printed(expect_ctl_success(*daemon_, {"qemu-args", "src"}));
    source_->pause();
    start_other_host(printed["arguments"].get<std::vector<std::string>>());
    const json waiting(find_device(*far_daemon_, "dst", "theirs"));
    EXPECT_EQ(member(waiting, "offset"), mebibyte);
    EXPECT_EQ(member(waiting, "memoryPath"), there().string());
    const json reply(expect_ctl_success(*daemon_, {"migrate", "src", uri()}, boot_deadline()));
    EXPECT_EQ(member(reply, "status"), "completed") << reply;

    EXPECT_EQ(part(there(), 1), "source window|");
    EXPECT_EQ(part(there(), 0), "destination before|");
    EXPECT_EQ(part(there(), 2), "destination behind|");
    EXPECT_EQ(part(here(), 0) + part(here(), 1) + part(here(), 2),
              "source before|source window|source behind|");
    destination_->resume();
    EXPECT_TRUE(destination_->alive());
    EXPECT_TRUE(source_->alive());
    const json arrived(find_device(*far_daemon_, "dst", "theirs"));
    EXPECT_EQ(member(arrived, "offset"), mebibyte);
    EXPECT_EQ(member(arrived, "role"), "master");
}

}  // namespace
}  // namespace ivshmemd::test
