#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What a device maps is a window of a file, whatever name the file is reached by: QEMU gives back
// the path as it was written, which may be a link, a number in its own /proc, or a name in another
// mount namespace.
//
// A mapping is found from three things, the better one first: what the kernel says of the process
// (/proc/<pid>/maps and fd), what this daemon proved when it attached the device, and the path as
// this host sees it. The last is a guess, and is shown as one. What is not known counts as used,
// overlapping and shared.
namespace ivshmemd {

/// Identifies a file whatever name it is reached by.
struct RegionIdentity {
    dev_t device = 0;
    ino_t inode = 0;

    auto operator<=>(const RegionIdentity&) const = default;
};

/// How a device's memory is shared, as far as that is known. The API's words.
enum class Sharing {
    shared,      // others who map the file see what the guest writes
    private_,    // a copy of its own, or memory that nobody else can open
    unverified,  // shared, if QEMU sees the file that is at the path here
};

std::string_view sharing_name(Sharing sharing);

/// A window of memory that a QEMU maps.
struct Mapping {
    enum class Kind {
        unknown,    // cannot be told: may be any file
        anonymous,  // memory that has no name on this host
        file,
    };

    Kind kind = Kind::unknown;
    RegionIdentity file{};     // of an anonymous one: where it is known; else {}
    std::uint64_t offset = 0;  // bytes
    std::uint64_t length = 0;  // bytes; 0 when it is not known: then as far as the file goes
    bool shared = true;
    bool writable = true;
    bool verified = false;  // the kernel says so, or the attach proved it
    std::string path{};     // where this very file is found on this host; empty when nowhere
    std::string label{};    // what it is called, for people; with " (deleted)" when it was once

    bool operator==(const Mapping&) const = default;
};

Sharing sharing_of(const Mapping& mapping);

/// Which file a QEMU maps, compared with the one that is at the path of a device's memory.
enum class PathMatch {
    unknown,    // cannot be told
    same,       // that very file
    replaced,   // one that was at this path and has been removed
    elsewhere,  // one that this host knows by no such path: the QEMU sees other mounts
};

/// `at_path`: the file that is at this path now; {} when there is none.
PathMatch match_path(const Mapping& mapping, const std::string& path,
                     const RegionIdentity& at_path);

/// Whether its file can be reached through a descriptor of the process alone.
bool is_nameless(const Mapping& mapping);

/// The beginning of a file, shared and to be written to: what a device of ours maps.
Mapping whole_file(const RegionIdentity& file, std::uint64_t length);

/// Whether both may be the same bytes of one file, and seen by both. Private mappings share
/// nothing; unknown ones share everything.
bool may_share(const Mapping& a, const Mapping& b);

/// A file that a process maps: one line of /proc/<pid>/maps.
struct MappedFile {
    RegionIdentity file;
    std::string path{};  // " (deleted)" behind it when the file has lost that name
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  // bytes
    bool shared = true;
    bool writable = true;

    bool operator==(const MappedFile&) const = default;
};

/// What QEMU says that it maps.
struct MemoryClaim {
    bool has_path = false;     // a kind of memory that has a file
    std::uint64_t offset = 0;  // bytes
    std::uint64_t size = 0;    // bytes; 0 when the window is not known
    bool shared = true;
    bool read_only = false;
};

/// What this host knows about a claim's path.
struct SeenFile {
    enum class Kind {
        unseen,     // there is nothing to be seen, or what is seen need not be what QEMU sees
        file,       // a regular file or a device
        directory,  // in which QEMU makes a file without a name
    };

    Kind kind = Kind::unseen;
    RegionIdentity file{};
    std::string path{};         // where this file is found on this host; empty when nowhere
    std::string label{};        // what it is called
    bool numbers_agree = true;  // /proc/<pid>/maps has the same device number as stat(2)
};

/// Puts a mapping together. `maps`: all that the process maps, null where that cannot be read.
Mapping find_mapping(const MemoryClaim& claim, const SeenFile& seen,
                     const std::vector<MappedFile>* maps);

}  // namespace ivshmemd
