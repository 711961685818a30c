#include "lib/reservation.h"

namespace ivshmemd {
namespace {

// In units that people read; rounded down.
std::string about(std::uint64_t bytes) {
    constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
    const bool is_small = bytes < mebibyte;
    return is_small ? std::to_string(bytes >> 10) + "K" : std::to_string(bytes / mebibyte) + "M";
}

Result<void> check_supply(const std::string& path, std::uint64_t missing, const Supply& supply,
                          unsigned percent, const std::string& place) {
    const std::uint64_t kept = supply.total / 100 * percent;
    if (missing <= supply.free && supply.free - missing >= kept) return {};
    std::string text = "region " + path + " needs " + about(missing) + " more, and " + place +
                       " has " + about(supply.free) + " free";
    if (percent != 0) text += ", of which " + about(kept) + " are kept free";
    return Error(ErrorKind::region_unavailable,
                 text + "; free some, or use a smaller region or another directory");
}

}  // namespace

std::uint64_t missing_bytes(const ReservationFacts& facts) {
    return facts.present < facts.size ? facts.size - facts.present : 0;
}

Result<void> check_reservation(const std::string& path, const ReservationFacts& facts,
                               unsigned reserve_percent) {
    const std::uint64_t missing = missing_bytes(facts);
    if (missing == 0) return {};
    const Result<void> space =
        check_supply(path, missing, facts.filesystem, reserve_percent, "its file system");
    if (!space) return space.error();
    if (!facts.memory) return {};
    return check_supply(path, missing, *facts.memory, reserve_percent, "the host's memory");
}

}  // namespace ivshmemd
