#include "lib/address_range.h"

#include <algorithm>
#include <bit>

namespace ivshmemd {
namespace {

std::vector<AddressRange> free_ranges(AddressRange window, std::vector<AddressRange> taken) {
    std::sort(taken.begin(), taken.end(),
              [](const AddressRange& a, const AddressRange& b) { return a.first < b.first; });
    std::vector<AddressRange> free;
    std::uint64_t first = window.first;
    for (const AddressRange& each : taken) {
        if (each.last < first || each.first > each.last) continue;
        if (each.first > window.last) break;
        if (each.first > first) free.push_back({first, each.first - 1});
        if (each.last >= window.last) return free;
        first = each.last + 1;
    }
    if (first <= window.last) free.push_back({first, window.last});
    return free;
}

}  // namespace

std::uint64_t largest_aligned_block(AddressRange window) {
    if (window.first > window.last) return 0;
    const std::uint64_t length = window.last - window.first;  // less one
    const std::uint64_t largest =
        length == UINT64_MAX ? ~(length >> 1) : std::bit_floor(length + 1);
    for (std::uint64_t block = largest; block > 0; block >>= 1) {
        const std::uint64_t start = (window.first + block - 1) & ~(block - 1);
        const bool inside = start >= window.first && start <= window.last;
        if (inside && window.last - start >= block - 1) return block;
    }
    return 0;
}

std::uint64_t largest_free_block(AddressRange window, const std::vector<AddressRange>& taken) {
    std::uint64_t largest = 0;
    for (const AddressRange& range : free_ranges(window, taken)) {
        largest = std::max(largest, largest_aligned_block(range));
    }
    return largest;
}

std::optional<AddressRange> lowest_free_block(AddressRange window,
                                              const std::vector<AddressRange>& taken,
                                              std::uint64_t size) {
    for (const AddressRange& range : free_ranges(window, taken)) {
        const std::uint64_t start = (range.first + size - 1) & ~(size - 1);
        const bool inside = start >= range.first && start <= range.last;
        if (inside && range.last - start >= size - 1) return AddressRange{start, start + size - 1};
    }
    return std::nullopt;
}

}  // namespace ivshmemd
