#include "lib/size.h"

#include <bit>
#include <charconv>

namespace ivshmemd {
namespace {

Error bad_size(std::string message) {
    return Error(ErrorKind::bad_size,
                 std::move(message) + "; use a power of two of at least 4K, such as 64M");
}

// The closest sizes that serve, where both do.
Error not_a_power(std::uint64_t bytes, std::uint64_t limit) {
    const std::string what = "size " + format_size(bytes) + " is not a power of two";
    const std::uint64_t below = std::bit_floor(bytes);
    if (below < min_region_size || below > limit / 2) return bad_size(what);
    return Error(ErrorKind::bad_size, what + "; the next sizes are " + format_size(below) +
                                          " and " + format_size(2 * below));
}

int shift_of(char suffix) {
    switch (suffix) {
        case 'K':
        case 'k':
            return 10;
        case 'M':
        case 'm':
            return 20;
        case 'G':
        case 'g':
            return 30;
        default:
            return -1;
    }
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t number = 0;
    const auto [rest, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec == std::errc::result_out_of_range) return bad_size("the size is too large");
    if (ec != std::errc{}) return bad_size("the size is not a number");
    const std::string_view suffix(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
    if (suffix.empty()) return number;
    const int shift = suffix.size() == 1 ? shift_of(suffix[0]) : -1;
    if (shift < 0) return bad_size("the size has an unknown suffix");
    if (number > (UINT64_MAX >> shift)) return bad_size("the size is too large");
    return number << shift;
}

Result<void> check_size(std::uint64_t bytes, std::uint64_t limit) {
    if (!std::has_single_bit(bytes)) return not_a_power(bytes, limit);
    if (bytes < min_region_size) return bad_size("size " + std::to_string(bytes) + " is too small");
    if (bytes > limit) {
        return bad_size("size " + format_size(bytes) + " is over the limit of " +
                        format_size(limit));
    }
    return {};
}

std::string format_size(std::uint64_t bytes) {
    constexpr std::uint64_t kib = 1024;
    if (bytes == 0) return "0";
    if (bytes % (kib * kib * kib) == 0) return std::to_string(bytes / (kib * kib * kib)) + "G";
    if (bytes % (kib * kib) == 0) return std::to_string(bytes / (kib * kib)) + "M";
    if (bytes % kib == 0) return std::to_string(bytes / kib) + "K";
    return std::to_string(bytes);
}

}  // namespace ivshmemd
