#pragma once

#include <cstdint>
#include <string>

#include "daemon/relay/server_connection.h"

namespace ivshmemd {

/// What is wrong with the memory that a server sent; empty when it serves. Seals it first, where
/// that can be: what is checked here is mapped later. Fills in what is found of it.
std::string examine_memory(ServerConnection& server, std::uint64_t size_limit);

/// Reserves all of it, as a region of ours is (lib/reservation.h), before a QEMU maps it: many
/// servers only give their file a size. May block for seconds. What keeps it from that, and what to
/// do; empty once all of it is there, and still of the size that was examined.
std::string reserve_memory(const ServerConnection& server, unsigned reserve_percent);

}  // namespace ivshmemd
