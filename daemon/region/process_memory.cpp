#include "daemon/region/process_memory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>

#include "daemon/base/unique_fd.h"

namespace ivshmemd {
namespace {

// Far more than any QEMU has; another process must not make us hold all it thinks of.
constexpr std::size_t most_mapped = 8192;

constexpr std::size_t read_size = std::size_t{64} << 10;

std::string proc(pid_t pid, const std::string& what) {
    return "/proc/" + std::to_string(pid) + "/" + what;
}

// Reads a number and what stands behind it; false when there is none.
bool take_number(std::string_view& text, int base, char behind, std::uint64_t& number) {
    const auto [rest, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, base);
    const auto length = static_cast<std::size_t>(rest - text.data());
    if (error != std::errc() || length >= text.size() || *rest != behind) return false;
    text.remove_prefix(length + 1);
    return true;
}

// "7f0c...-7f0c... rw-s 00000000 00:1a 4242     /dev/shm/shm0 (deleted)"; nothing for memory that
// is no file. Each of a QEMU's thousand lines is read at every attach.
std::optional<MappedFile> read_line(std::string_view line) {
    MappedFile mapped;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t major_number = 0;
    std::uint64_t minor_number = 0;
    std::uint64_t inode = 0;
    if (!take_number(line, 16, '-', begin) || !take_number(line, 16, ' ', end)) return std::nullopt;
    if (line.size() < 5 || line[4] != ' ') return std::nullopt;
    mapped.shared = line[3] == 's';
    mapped.writable = line[1] == 'w';
    line.remove_prefix(5);
    if (!take_number(line, 16, ' ', mapped.offset) || !take_number(line, 16, ':', major_number) ||
        !take_number(line, 16, ' ', minor_number) || !take_number(line, 10, ' ', inode)) {
        return std::nullopt;
    }
    if (inode == 0 || end < begin) return std::nullopt;
    mapped.file = {
        makedev(static_cast<unsigned>(major_number), static_cast<unsigned>(minor_number)),
        static_cast<ino_t>(inode)};
    mapped.length = end - begin;
    mapped.path = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    return mapped;
}

// All of a file below /proc, whose size is not known before.
std::string read_all(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    for (std::size_t size = 0; file;) {
        text.resize(size + read_size);
        const ssize_t count = ::read(file.get(), text.data() + size, read_size);
        text.resize(size += static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        if (count <= 0) break;
    }
    return text;
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
    if (is_this_file(seen.label, seen.file)) seen.path = seen.label;
    return seen;
}

}  // namespace

std::optional<std::vector<MappedFile>> mapped_files(pid_t pid) {
    const std::string text = read_all(proc(pid, "maps"));
    if (text.empty()) return std::nullopt;
    std::vector<MappedFile> mapped;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
        std::optional<MappedFile> each = read_line(rest.substr(0, end));
        if (each) mapped.push_back(std::move(*each));
        if (mapped.size() > most_mapped) return std::nullopt;
        rest.remove_prefix(end + 1);
    }
    return mapped;
}

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

}  // namespace ivshmemd
