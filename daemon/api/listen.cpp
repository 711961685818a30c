#include "daemon/api/listen.h"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "daemon/base/unix_listener.h"

namespace ivshmemd {
namespace {

constexpr mode_t socket_mode = 0660;

// The service manager passes what it kept for us beside its own listener.
UniqueFd take_passed_listener() {
    const int count = ::sd_listen_fds(1);
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
        if (::sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0) return UniqueFd(fd);
    }
    return {};
}

}  // namespace

Result<UniqueFd> listen_for_clients(const std::string& path, std::optional<gid_t> group,
                                    std::string& warning) {
    if (UniqueFd passed = take_passed_listener()) return passed;
    Result<UnixListener> listener = listen_at(path, socket_mode, group);
    if (!listener) return listener.error();
    const std::string problem = group ? listener->group_problem : "there is no group ivshmem";
    if (!problem.empty()) warning = "the API's socket has the daemon's own group: " + problem;
    return std::move(listener->socket);
}

}  // namespace ivshmemd
