#pragma once

#include <cstdint>
#include <optional>

#include "lib/result.h"

namespace ivshmemd::doorbell {

inline constexpr unsigned default_peers = 256;
inline constexpr unsigned most_peers = 65536;  // ids are 0 to 65535

/// How many peers to serve at a time: as many as asked for, else the default, or what fits.
/// ConfigUnsupported when those asked for do not fit into `descriptor_limit`, or none does.
Result<unsigned> decide_peers(std::optional<unsigned> requested, unsigned vectors,
                              std::uint64_t descriptor_limit);

/// How many messages may lie unread for each peer. Their descriptors count against a limit of the
/// same height, for all peers together (ETOOMANYREFS, unix(7)): peers that do not read may not use
/// up what the others need.
unsigned decide_unread(unsigned peers, std::uint64_t descriptor_limit);

}  // namespace ivshmemd::doorbell
