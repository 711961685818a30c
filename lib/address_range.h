#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace ivshmemd {

/// Guest addresses, both ends included. Empty when `first` is above `last`, as a closed window is.
struct AddressRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;

    bool operator==(const AddressRange&) const = default;
};

/// The largest power of two that fits naturally aligned into the window; 0 when none.
std::uint64_t largest_aligned_block(AddressRange window);

/// The same beside what is taken of it, in any order; ranges may overlap each other and the
/// window's ends.
std::uint64_t largest_free_block(AddressRange window, const std::vector<AddressRange>& taken);

/// Where a guest would put a naturally aligned block of this size, a power of two: the lowest that
/// is free.
std::optional<AddressRange> lowest_free_block(AddressRange window,
                                              const std::vector<AddressRange>& taken,
                                              std::uint64_t size);

}  // namespace ivshmemd
