#include "daemon/api/listen.h"

#include <systemd/sd-daemon.h>

#include "daemon/unix_listener.h"

namespace ivshmemd {
namespace {

constexpr mode_t socket_mode = 0660;

}  // namespace

Result<UniqueFd> listen_for_clients(const std::string& path, std::optional<gid_t> group,
                                    std::string& warning) {
    if (::sd_listen_fds(1) > 0) return UniqueFd(SD_LISTEN_FDS_START);
    Result<UnixListener> listener = listen_at(path, socket_mode, group);
    if (!listener) return listener.error();
    const std::string problem = group ? listener->group_problem : "there is no group ivshmem";
    if (!problem.empty()) warning = "the API's socket has the daemon's own group: " + problem;
    return std::move(listener->socket);
}

}  // namespace ivshmemd
