#include "daemon/region/process_memory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <filesystem>

#include "daemon/base/unique_fd.h"
#include "daemon/region/mapped_files.h"

namespace ivshmemd {
namespace {

std::string proc(pid_t pid, const std::string& what) {
    return "/proc/" + std::to_string(pid) + "/" + what;
}

// The number of a descriptor of the process itself; empty for any other path.
std::string own_descriptor(const std::string& path) {
    for (const char* below : {"/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/"}) {
        if (path.starts_with(below)) return path.substr(std::string(below).size());
    }
    return "";
}

UniqueFd open_path(const std::string& path) {
    return UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC));
}

// A path as a process sees it, its links included, in whatever mount namespace that lives.
UniqueFd open_within(const std::string& root, const std::string& path) {
    const UniqueFd directory(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return {};
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    return UniqueFd(
        static_cast<int>(::syscall(SYS_openat2, directory.get(), path.c_str(), &how, sizeof how)));
}

UniqueFd open_as(pid_t pid, const std::string& path) {
    const std::string number = own_descriptor(path);
    if (!number.empty()) return open_path(proc(pid, "fd/" + number));
    if (!path.starts_with('/')) return open_path(proc(pid, "cwd/" + path));
    if (path.starts_with("/proc/")) return open_path(path);
    return open_within(proc(pid, "root"), path);
}

bool is_this_file(const std::string& path, const RegionIdentity& file) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 &&
           RegionIdentity{status.st_dev, status.st_ino} == file;
}

// Elsewhere stat(2) may tell another device than /proc does: on overlayfs and btrfs.
bool numbers_agree(int fd, dev_t device) {
    struct statfs status {};
    if (major(device) != 0) return true;
    if (::fstatfs(fd, &status) != 0) return false;
    return status.f_type == TMPFS_MAGIC || status.f_type == HUGETLBFS_MAGIC;
}

SeenFile describe(const UniqueFd& opened, const std::string& called) {
    SeenFile seen;
    seen.label = called;
    struct stat status {};
    if (!opened || ::fstat(opened.get(), &status) != 0) return seen;
    if (S_ISDIR(status.st_mode)) {
        seen.kind = SeenFile::Kind::directory;
        return seen;
    }
    seen.kind = SeenFile::Kind::file;
    seen.file = {status.st_dev, status.st_ino};
    seen.numbers_agree = numbers_agree(opened.get(), status.st_dev);
    std::error_code error;
    const std::string real =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(opened.get()), error);
    if (!error) seen.label = real;
    // What the kernel calls a file of another mount namespace may begin where that one does.
    const bool can_be_here = called.starts_with('/') && own_descriptor(called).empty();
    if (is_this_file(seen.label, seen.file)) {
        seen.path = seen.label;
    } else if (can_be_here && is_this_file(called, seen.file)) {
        seen.path = called;
    }
    return seen;
}

}  // namespace

const std::vector<MappedFile>* ProcessMemory::maps() {
    if (!asked_ && pid_) maps_ = mapped_files(*pid_);
    asked_ = true;
    return maps_ ? &*maps_ : nullptr;
}

bool ProcessMemory::readable() {
    return maps() != nullptr;
}

SeenFile ProcessMemory::see(const std::string& path) const {
    if (pid_) {
        const SeenFile seen = describe(open_as(*pid_, path), path);
        if (seen.kind != SeenFile::Kind::unseen) return seen;
    }
    // What is a number or a place of that process means something else to this one.
    if (!path.starts_with('/') || !own_descriptor(path).empty()) return {.label = path};
    return describe(open_path(path), path);
}

// "/proc/<pid>/fd/<number>", which opens a file that has no name.
std::string ProcessMemory::descriptor_of(const RegionIdentity& file) const {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(proc(*pid_, "fd"), error)) {
        if (is_this_file(entry.path(), file)) return entry.path();
    }
    return "";
}

Mapping ProcessMemory::find(const std::string& path, const MemoryClaim& claim) {
    const SeenFile seen = path.empty() ? SeenFile() : see(path);
    Mapping mapping = find_mapping(claim, seen, maps());
    const bool is_nameless = mapping.path.empty() && mapping.file != RegionIdentity{};
    if (is_nameless && pid_) mapping.path = descriptor_of(mapping.file);
    return mapping;
}

Mapping ProcessMemory::find_shared(const std::string& path, const MemoryClaim& claim) {
    if (!pid_ || maps_) return find(path, claim);
    const SeenFile seen = see(path);
    MappedFiles maps(*pid_);
    while (maps.read_more()) {
        Mapping mapping = find_mapping(claim, seen, &maps.so_far());
        const bool is_it = mapping.verified && mapping.kind == Mapping::Kind::file &&
                           mapping.file == seen.file && mapping.shared;
        if (is_it && !mapping.path.empty()) return mapping;
    }
    return find(path, claim);
}

}  // namespace ivshmemd
