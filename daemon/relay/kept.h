#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "daemon/base/unique_fd.h"

// What the service manager keeps of relays over a restart: both ends of each, by name.
namespace ivshmemd {

using RelayKey = std::pair<std::string, std::string>;  // VM, device

/// The name of QEMU's end, or of the server's.
std::string kept_qemu_end(const RelayKey& key);
std::string kept_server_end(const RelayKey& key);
/// Whose end of QEMU has this name; nothing for what has another.
std::optional<RelayKey> relay_of_kept(const std::string& name);

/// What the service manager is told to keep one, beside it, and to keep it no longer.
std::string keep_notice(const std::string& name);
std::string discard_notice(const std::string& name);

/// What it kept for us, by name. To be called before anything else takes descriptors that were
/// passed.
std::map<std::string, UniqueFd> take_kept_relays();

}  // namespace ivshmemd
