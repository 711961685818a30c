#include "lib/size.h"

#include <bit>
#include <charconv>

#include "lib/names.h"

namespace ivshmemd {
namespace {

Error bad_size(std::string message) {
    return Error(ErrorKind::bad_size,
                 std::move(message) + "; use a power of two of at least 4K, such as 64M");
}

std::string quoted(std::string_view text) {
    return "size '" + printable(text, 40) + "'";
}

Error too_large(std::string_view text) {
    return bad_size(quoted(text) + " is too large");
}

// The closest sizes that serve, where both do.
Error not_a_power(const std::string& size, std::uint64_t bytes, std::uint64_t limit) {
    const std::string what = "size " + size + " is not a power of two";
    const std::uint64_t below = std::bit_floor(bytes);
    if (below < min_region_size || below > limit / 2) return bad_size(what);
    return Error(ErrorKind::bad_size, what + "; the next sizes are " + format_size(below) +
                                          " and " + format_size(2 * below));
}

Result<void> check_spelled(const std::string& size, std::uint64_t bytes, std::uint64_t limit) {
    if (!std::has_single_bit(bytes)) return not_a_power(size, bytes, limit);
    if (bytes < min_region_size) return bad_size("size " + size + " is too small");
    if (bytes > limit) {
        return bad_size("size " + size + " is over the limit of " + format_size(limit));
    }
    return {};
}

// How far a unit shifts the digits before it; -1 for what is no unit.
int shift_of(std::string_view suffix) {
    if (suffix.size() == 3 && suffix.substr(1) != "iB" && suffix.substr(1) != "ib") return -1;
    if (suffix.size() != 1 && suffix.size() != 3) return -1;
    switch (suffix[0]) {
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

// MB is a million bytes to some and 1024 * 1024 to others, so it is not guessed at.
Error unknown_suffix(std::string_view text, std::string_view suffix) {
    const std::string what = quoted(text);
    const bool is_decimal = suffix.size() == 2 && (suffix[1] == 'B' || suffix[1] == 'b');
    if (is_decimal && shift_of(suffix.substr(0, 1)) >= 0) {
        const std::string unit(1, suffix[0]);
        return bad_size(what + " could be decimal: write " + unit + " or " + unit + "iB");
    }
    return bad_size(what + " has none of the suffixes K, M, G, KiB, MiB and GiB behind its digits");
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
    std::uint64_t number = 0;
    const auto [rest, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec == std::errc::result_out_of_range) return too_large(text);
    if (ec != std::errc{}) return bad_size(quoted(text) + " does not begin with a digit");
    const std::string_view suffix(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
    if (suffix.empty()) return number;
    const int shift = shift_of(suffix);
    if (shift < 0) return unknown_suffix(text, suffix);
    if (number > (UINT64_MAX >> shift)) return too_large(text);
    return number << shift;
}

Result<std::uint64_t> parse_region_size(std::string_view text) {
    const Result<std::uint64_t> bytes = parse_size(text);
    if (!bytes) return bytes;
    const Result<void> sound = check_spelled(std::string(text), *bytes, UINT64_MAX);
    if (!sound) return sound.error();
    return bytes;
}

Result<void> check_size(std::uint64_t bytes, std::uint64_t limit) {
    return check_spelled(format_size(bytes), bytes, limit);
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
