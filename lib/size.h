#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/result.h"

namespace ivshmemd {

inline constexpr std::uint64_t min_region_size = 4096;
inline constexpr std::uint64_t default_region_size_limit = std::uint64_t{4} << 30;

/// Reads "64M" and "64MiB": decimal digits and an optional binary suffix K, M or G, with or without
/// iB. Bytes, or BadSize.
Result<std::uint64_t> parse_size(std::string_view text);

/// The same for a size that check_size() is to take; the limit is left to whoever knows it. What is
/// wrong is named as it was written.
Result<std::uint64_t> parse_region_size(std::string_view text);

/// A size QEMU survives: a power of two (any other aborts it in pci_register_bar), at least one
/// page, at most `limit` bytes. BadSize otherwise.
Result<void> check_size(std::uint64_t bytes, std::uint64_t limit);

/// "64M" for whole binary units, plain bytes otherwise.
std::string format_size(std::uint64_t bytes);

}  // namespace ivshmemd
