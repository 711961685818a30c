#pragma once

#include <optional>
#include <string>

#include "daemon/vm/identity.h"
#include "proto/bridge_note.h"

namespace ivshmemd {

/// What a bridge says beside this socket of the QEMU behind it. Nothing where there is no note, or
/// none to be believed: it can name any process and any user, so the note, its directory and
/// whoever listens on the socket (none: nobody is asked) must belong to root, the bridge's user or
/// this one, and nobody else may write there.
std::optional<BridgeNote> believed_note(const std::string& socket_path,
                                        std::optional<uid_t> listener = std::nullopt);

/// Puts what such a note says into what is known of a monitor.
void believe_note(Identity& identity, const std::string& socket_path);

/// Why a bridge serves nobody at this socket for now; empty when it does not say so.
std::string held_by_bridge(const std::string& socket_path, uid_t listener);

}  // namespace ivshmemd
