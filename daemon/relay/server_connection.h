#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/unique_fd.h"
#include "daemon/region/files.h"
#include "lib/region.h"
#include "lib/result.h"
#include "proto/doorbell/message.h"

namespace ivshmemd {

/// One message of a server with the descriptor that came beside it, if any.
struct ServerMessage {
    doorbell::MessageBytes bytes{};
    UniqueFd fd;
};

/// A doorbell server that has kept the protocol so far, and what it gave us.
struct ServerConnection {
    UniqueFd socket;
    std::uint16_t id = 0;  // ours among its peers
    UniqueFd memory;
    std::uint64_t size = 0;               // bytes
    RegionIdentity file;                  // of the memory
    bool sealed = false;                  // nobody can change its size any more
    std::uint32_t vectors = 0;            // of ours
    std::deque<ServerMessage> announced;  // after the handshake: other peers, then our own vectors
};

/// What a server must fulfil.
struct ServerTerms {
    std::string path;  // absolute
    RegionTrust trust;
    std::optional<std::uint32_t> vectors;  // of the device; none for as many as the server gives
    std::uint64_t size_limit = 0;          // bytes
    Milliseconds pause{100};               // after the last vector; see doorbell::VectorCount
};

/// Connects and reads until our own vectors are known: QEMU would do so with its main loop blocked,
/// without a deadline, and would never come back from a server that stops half-way. A server does
/// not say how many vectors it gives: where terms.vectors does not, they are those that come
/// without a long pause (doorbell::VectorCount). ServerUnusable says what is wrong.
awaitable<Result<ServerConnection>> connect_to_server(Executor executor, ServerTerms terms,
                                                      Milliseconds deadline);

/// ServerUnusable.
Error server_unusable(const std::string& path, const std::string& reason);

}  // namespace ivshmemd
