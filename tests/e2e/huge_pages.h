#pragma once

#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>

namespace ivshmemd::test {

/// Huge pages of 2M, mounted at a directory, for this process and those it starts from then on.
/// Only root may do so.
class HugePages {
  public:
    HugePages(std::filesystem::path directory, long count) : directory_(std::move(directory)) {
        std::ifstream(setting) >> before_;
        std::ofstream(setting) << before_ + count;
        long now = 0;
        std::ifstream(setting) >> now;
        mounted_ = now >= before_ + count && ::unshare(CLONE_NEWNS) == 0 &&
                   ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   ::mount("none", directory_.c_str(), "hugetlbfs", 0, "pagesize=2M") == 0;
    }
    ~HugePages() {
        if (mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
        std::ofstream(setting) << before_;
    }
    HugePages(const HugePages&) = delete;
    HugePages& operator=(const HugePages&) = delete;

    /// Whether the kernel gives them.
    explicit operator bool() const { return mounted_; }

  private:
    static constexpr const char* setting = "/proc/sys/vm/nr_hugepages";

    std::filesystem::path directory_;
    long before_ = 0;
    bool mounted_ = false;
};

}  // namespace ivshmemd::test
