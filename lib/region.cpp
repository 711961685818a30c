#include "lib/region.h"

#include <sys/stat.h>

#include "lib/size.h"

namespace ivshmemd {
namespace {

// What it is, and what to do then.
std::string kind_of(mode_t mode) {
    if (S_ISLNK(mode)) {
        return "a symbolic link, which can be turned elsewhere at any time; use the name of the "
               "file that it leads to";
    }
    if (S_ISDIR(mode)) {
        return "a directory, in which QEMU would make memory that nobody else can open; use "
               "another name";
    }
    if (S_ISFIFO(mode)) return "a FIFO, which holds no memory; use another name";
    if (S_ISSOCK(mode)) {
        return "a socket, which holds no memory; name a doorbell server's with --server";
    }
    return "a device node, whose memory is not made by ivshmemd; use another name";
}

}  // namespace

std::string mode_digits(mode_t mode) {
    std::string digits;
    for (const unsigned shift : {9u, 6u, 3u, 0u}) {
        digits += static_cast<char>('0' + (mode >> shift & 7u));
    }
    return digits;
}

mode_t mode_of_digits(const std::string& digits) {
    mode_t mode = 0;
    for (const char digit : digits) mode = mode << 3 | static_cast<mode_t>(digit - '0');
    return mode;
}

Result<void> check_made_mode(const std::string& path, mode_t mode, bool lets_in) {
    constexpr mode_t owner = S_IRUSR | S_IWUSR;
    constexpr mode_t group = S_IRGRP | S_IWGRP;
    std::string why;
    if ((mode & S_IWOTH) != 0) {
        why = "every user of the host could write to it, or truncate it and kill its VMs";
    } else if ((mode & ~(owner | group | S_IROTH)) != 0) {
        why = "it is memory to read and write, and nothing else";
    } else if ((mode & owner) != owner) {
        why = "its owner has to read and write it";
    } else if (lets_in && (mode & group) != group) {
        why =
            "others have to read and write it, whom the part for the group keeps out: the VM's "
            "user, or the configured group";
    }
    if (why.empty()) return {};
    const std::string reason = path + " cannot be made with mode " + mode_digits(mode) + ": " + why;
    return Error(ErrorKind::config_unsupported,
                 reason + "; describe another one, such as " + mode_digits(region_mode),
                 {{"reason", reason}});
}

std::string region_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

Result<std::uint64_t> decide_size(std::optional<std::uint64_t> requested, const RegionFacts& facts,
                                  std::uint64_t limit) {
    std::uint64_t size = 0;
    if (requested) {
        size = *requested;
    } else if (facts.exists && S_ISREG(facts.mode)) {
        if (facts.size == 0) {
            return Error(ErrorKind::bad_size,
                         "the region is there and empty; say with --size how large it is to be");
        }
        size = facts.size;
    } else if (!facts.exists) {
        return Error(
            ErrorKind::bad_size,
            "no size given, and there is no region to take it from; name one, such as 64M");
    } else {
        return min_region_size;  // check_region names the real fault
    }
    const Result<void> checked = check_size(size, limit);
    if (!checked) return checked.error();
    return size;
}

Result<RegionPlan> check_region(const std::string& path, std::uint64_t size,
                                const RegionFacts& facts, const RegionTrust& trust) {
    if (!facts.exists) return RegionPlan{size, true};
    if (!S_ISREG(facts.mode)) {
        return Error(ErrorKind::region_mismatch,
                     path + " is no regular file but " + kind_of(facts.mode));
    }
    if (!trust.trusts(facts.owner)) {
        return Error(
            ErrorKind::permission_denied,
            path + " belongs to user " + std::to_string(facts.owner) +
                ", who could truncate it and kill the VM; give it to a user who is trusted, "
                "or list this one in [trust] users");
    }
    if (facts.size == 0) return RegionPlan{size, false, true};
    if (facts.size != size) {
        return Error(ErrorKind::region_mismatch, path + " has " + format_size(facts.size) +
                                                     ", not the requested " + format_size(size) +
                                                     "; ask for that size, or use another region");
    }
    return RegionPlan{size, false};
}

}  // namespace ivshmemd
