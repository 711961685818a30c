#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/result.h"

// A file has memory only where somebody wrote to it or reserved it. A guest that touches a page for
// which none is left is killed, so that no region is used before all of it is there.
namespace ivshmemd {

/// Of what a region is taken from, this much stays free unless it is configured otherwise.
inline constexpr unsigned default_reserve_percent = 5;

/// How much of something there is, in bytes.
struct Supply {
    std::uint64_t total = 0;
    std::uint64_t free = 0;
};

/// What reserving a region would take.
struct ReservationFacts {
    std::uint64_t size = 0;        // of the region, bytes
    std::uint64_t present = 0;     // bytes of it that are there already
    Supply filesystem;             // where its file is; free huge pages on hugetlbfs
    std::optional<Supply> memory;  // of the host, where the file lives in it page by page
};

/// Bytes that have to be reserved.
std::uint64_t missing_bytes(const ReservationFacts& facts);

/// What there is too little of for that much to be taken: of what is left then, `reserve_percent`
/// of the whole must stay free. "needs 4M more, and ...", to be said of the memory; empty where
/// there is enough.
std::string shortage_of(const ReservationFacts& facts, unsigned reserve_percent);

/// The same for a region. RegionUnavailable, with what to do.
Result<void> check_reservation(const std::string& path, const ReservationFacts& facts,
                               unsigned reserve_percent);

}  // namespace ivshmemd
