#include "lib/reservation.h"

namespace ivshmemd {
namespace {

// In units that people read; rounded down.
std::string about(std::uint64_t bytes) {
    constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
    const bool is_small = bytes < mebibyte;
    return is_small ? std::to_string(bytes >> 10) + "K" : std::to_string(bytes / mebibyte) + "M";
}

std::string shortage_of(std::uint64_t missing, const Supply& supply, unsigned percent,
                        const std::string& place) {
    const std::uint64_t kept = supply.total / 100 * percent;
    if (missing <= supply.free && supply.free - missing >= kept) return "";
    const std::string text =
        "needs " + about(missing) + " more, and " + place + " has " + about(supply.free) + " free";
    return percent == 0 ? text : text + ", of which " + about(kept) + " are kept free";
}

}  // namespace

std::uint64_t missing_bytes(const ReservationFacts& facts) {
    return facts.present < facts.size ? facts.size - facts.present : 0;
}

std::string shortage_of(const ReservationFacts& facts, unsigned reserve_percent) {
    const std::uint64_t missing = missing_bytes(facts);
    if (missing == 0) return "";
    const std::string of_space =
        shortage_of(missing, facts.filesystem, reserve_percent, "its file system");
    if (!of_space.empty() || !facts.memory) return of_space;
    return shortage_of(missing, *facts.memory, reserve_percent, "the host's memory");
}

Result<void> check_reservation(const std::string& path, const ReservationFacts& facts,
                               unsigned reserve_percent) {
    const std::string shortage = shortage_of(facts, reserve_percent);
    if (shortage.empty()) return {};
    return Error(ErrorKind::region_unavailable,
                 "region " + path + " " + shortage +
                     "; free some, or use a smaller region or another directory");
}

}  // namespace ivshmemd
