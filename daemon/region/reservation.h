#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "lib/reservation.h"
#include "lib/result.h"

namespace ivshmemd {

/// How much of a file has memory behind it.
std::uint64_t reserved_bytes(const struct stat& status);

/// What reserving `size` bytes of an open file would take; `fd` may be an O_PATH one.
ReservationFacts reservation_facts(int fd, std::uint64_t size);

/// Has the kernel reserve what is missing of the file's first bytes, open for writing; what is in
/// it stays. May block for seconds. What keeps it from that, and what of it was reserved all the
/// same; empty once all of it is there.
std::string allocate_missing(int fd, const ReservationFacts& facts);

/// Reserves what is missing of a file's first `size` bytes, open for writing; what is in it stays.
/// Checked beforehand; see check_reservation(). May block for seconds. RegionUnavailable: then it
/// says what of it was reserved all the same.
Result<void> reserve_in_place(int fd, const std::string& path, std::uint64_t size,
                              unsigned reserve_percent);

}  // namespace ivshmemd
