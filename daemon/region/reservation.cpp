#include "daemon/region/reservation.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "lib/size.h"

namespace ivshmemd {
namespace {

constexpr std::uint64_t stat_block = 512;  // bytes of what st_blocks counts

std::uint64_t number_in(const std::string& path) {
    std::ifstream file(path);
    std::uint64_t number = 0;
    file >> number;
    return file ? number : 0;
}

// Without the huge pages, which nothing else can use.
std::optional<Supply> host_memory() {
    std::ifstream file("/proc/meminfo");
    Supply supply;
    std::uint64_t huge = 0;
    std::string key;
    std::string unit;
    for (std::uint64_t kibibytes = 0; file >> key >> kibibytes; std::getline(file, unit)) {
        if (key == "MemTotal:") supply.total = kibibytes << 10;
        if (key == "MemAvailable:") supply.free = kibibytes << 10;
        if (key == "Hugetlb:") huge = kibibytes << 10;
    }
    if (supply.total == 0) return std::nullopt;
    supply.total -= std::min(huge, supply.total);
    return supply;
}

// A pool is there to be used up: nothing of it has to stay free.
Supply pool_of(const struct statfs& status) {
    const auto page = static_cast<std::uint64_t>(status.f_bsize);
    const std::string pool =
        "/sys/kernel/mm/hugepages/hugepages-" + std::to_string(page >> 10) + "kB/";
    const std::uint64_t free = number_in(pool + "free_hugepages");
    const std::uint64_t promised = number_in(pool + "resv_hugepages");
    return {0, (free - std::min(promised, free)) * page};
}

bool lives_in_memory(const struct statfs& status) {
    return status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC;
}

// A RAM file system without a limit says that it has no blocks at all.
Supply supply_of(const struct statfs& status) {
    const auto unit = static_cast<std::uint64_t>(status.f_bsize);
    if (status.f_type == HUGETLBFS_MAGIC) return pool_of(status);
    if (status.f_blocks == 0 && lives_in_memory(status)) return {0, UINT64_MAX};
    return {status.f_blocks * unit, status.f_bavail * unit};
}

std::uint64_t present_bytes(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return 0;
    return reserved_bytes(status);
}

}  // namespace

std::uint64_t reserved_bytes(const struct stat& status) {
    return static_cast<std::uint64_t>(status.st_blocks) * stat_block;
}

ReservationFacts reservation_facts(int fd, std::uint64_t size) {
    ReservationFacts facts;
    facts.size = size;
    facts.present = std::min(present_bytes(fd), size);
    if (missing_bytes(facts) == 0) return facts;  // the rest does not matter
    struct statfs status {};
    if (::fstatfs(fd, &status) != 0) return facts;
    facts.filesystem = supply_of(status);
    if (lives_in_memory(status)) facts.memory = host_memory();
    return facts;
}

std::string allocate_missing(int fd, const ReservationFacts& facts) {
    // Also where all seems to be there: a file can have more than its size, behind its end.
    if (::fallocate(fd, 0, 0, static_cast<off_t>(facts.size)) == 0) return "";
    const int error = errno;
    // What is there already needs no reserving where that cannot be done.
    struct stat status {};
    const bool is_whole = ::fstat(fd, &status) == 0 && missing_bytes(facts) == 0 &&
                          static_cast<std::uint64_t>(status.st_size) >= facts.size;
    if (error == EOPNOTSUPP && is_whole) return "";
    std::string text = std::strerror(error);
    const std::uint64_t present = std::min(present_bytes(fd), facts.size);
    if (present > facts.present) text += "; " + format_size(present - facts.present) + " of it are";
    return text;
}

Result<void> reserve_in_place(int fd, const std::string& path, std::uint64_t size,
                              unsigned reserve_percent) {
    const ReservationFacts facts = reservation_facts(fd, size);
    const Result<void> enough = check_reservation(path, facts, reserve_percent);
    if (!enough) return enough.error();
    const std::string problem = allocate_missing(fd, facts);
    if (problem.empty()) return {};
    return Error(ErrorKind::region_unavailable,
                 "cannot reserve the memory of region " + path + ": " + problem);
}

}  // namespace ivshmemd
