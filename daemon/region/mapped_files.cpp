#include "daemon/region/mapped_files.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace ivshmemd {
namespace {

// Far more than any QEMU has; another process must not make us hold all it thinks of.
constexpr std::size_t most_mapped = 8192;

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

}  // namespace

MappedFiles::MappedFiles(pid_t pid)
    : file_(::open(("/proc/" + std::to_string(pid) + "/maps").c_str(), O_RDONLY | O_CLOEXEC)) {}

bool MappedFiles::beyond_reason() const {
    return mapped_.size() > most_mapped;
}

bool MappedFiles::read_more() {
    const ssize_t count = file_ ? ::read(file_.get(), buffer_.data(), buffer_.size()) : 0;
    if (count <= 0 || beyond_reason()) return false;
    readable_ = true;
    text_.append(buffer_.data(), static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end; (end = text_.find('\n', begin)) != std::string::npos;) {
        std::optional<MappedFile> each =
            read_line(std::string_view(text_).substr(begin, end - begin));
        if (each) mapped_.push_back(std::move(*each));
        begin = end + 1;
    }
    text_.erase(0, begin);
    return true;
}

std::optional<std::vector<MappedFile>> mapped_files(pid_t pid) {
    MappedFiles file(pid);
    while (file.read_more()) continue;
    if (!file.readable() || file.beyond_reason()) return std::nullopt;
    return file.so_far();
}

}  // namespace ivshmemd
