#include "daemon/fleet/mapped_files.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <sstream>

namespace ivshmemd {
namespace {

// Far more than any QEMU has; another process must not make us hold all it thinks of.
constexpr std::size_t most_mapped = 8192;

// "7f0c...-7f0c... rw-s 00000000 00:1a 4242     /dev/shm/shm0 (deleted)"; nothing for memory that
// is no file.
std::optional<MappedFile> read_mapping(const std::string& line) {
    std::istringstream words(line);
    std::string range;
    std::string access;
    std::string offset;
    unsigned major_number = 0;
    unsigned minor_number = 0;
    char colon = '\0';
    MappedFile mapped;
    words >> range >> access >> offset >> std::hex >> major_number >> colon >> minor_number >>
        std::dec >> mapped.file.inode >> std::ws;
    if (!words || colon != ':' || mapped.file.inode == 0) return std::nullopt;
    std::getline(words, mapped.path);
    mapped.file.device = makedev(major_number, minor_number);
    return mapped;
}

// Elsewhere stat(2) may tell another device than /proc does: on overlayfs and btrfs.
bool numbers_agree(const std::string& path, dev_t device) {
    struct statfs status {};
    if (major(device) != 0) return true;
    if (::statfs(path.c_str(), &status) != 0) return false;
    return status.f_type == TMPFS_MAGIC || status.f_type == HUGETLBFS_MAGIC;
}

}  // namespace

std::optional<std::vector<MappedFile>> mapped_files(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/maps");
    std::vector<MappedFile> mapped;
    bool readable = false;
    for (std::string line; std::getline(file, line);) {
        readable = true;
        std::optional<MappedFile> each = read_mapping(line);
        if (each) mapped.push_back(std::move(*each));
        if (mapped.size() > most_mapped) return std::nullopt;
    }
    if (!readable) return std::nullopt;
    return mapped;
}

Mapping judge_mapping(const std::vector<MappedFile>& mapped, const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return Mapping::unknown;
    if (!numbers_agree(path, status.st_dev)) return Mapping::unknown;
    const RegionIdentity wanted{status.st_dev, status.st_ino};
    bool replaced = false;
    for (const MappedFile& each : mapped) {
        if (each.file == wanted) return Mapping::same;
        replaced = replaced || each.path == path + " (deleted)";
    }
    return replaced ? Mapping::replaced : Mapping::elsewhere;
}

}  // namespace ivshmemd
