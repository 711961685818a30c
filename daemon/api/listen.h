#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "daemon/base/unique_fd.h"
#include "lib/result.h"

namespace ivshmemd {

/// The listening sockets that systemd passes; those it does not are empty.
struct PassedListeners {
    UniqueFd all;      // for every method
    UniqueFd reading;  // for those that change nothing: it is named so, "read"
};

/// Takes them. To be called once, after what else was passed is taken.
PassedListeners take_passed_listeners();

/// A new listening socket for clients at `path`, mode 0660. The group is given where it may be;
/// `warning` says when not. A socket file nobody serves is replaced.
Result<UniqueFd> listen_for_clients(const std::string& path, std::optional<gid_t> group,
                                    std::string& warning);

}  // namespace ivshmemd
