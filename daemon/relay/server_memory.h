#pragma once

#include <cstdint>
#include <string>

#include "daemon/relay/server_connection.h"

namespace ivshmemd {

/// What is wrong with the memory that a server sent; empty when it serves. Seals it first, where
/// that can be: what is checked here is mapped later. Fills in what is found of it.
std::string examine_memory(ServerConnection& server, std::uint64_t size_limit);

}  // namespace ivshmemd
