#include "daemon/api/listen.h"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <cstring>

#include "daemon/base/unix_listener.h"

namespace ivshmemd {
namespace {

constexpr mode_t socket_mode = 0660;

constexpr const char* reading_name = "read";  // FileDescriptorName=

}  // namespace

// The service manager passes what it kept for us beside the listeners.
PassedListeners take_passed_listeners() {
    PassedListeners passed;
    char** names = nullptr;
    const int count = ::sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; ++i) {
        const int fd = SD_LISTEN_FDS_START + i;
        UniqueFd& place = std::strcmp(names[i], reading_name) == 0 ? passed.reading : passed.all;
        std::free(names[i]);
        if (!place && ::sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0) place.reset(fd);
    }
    std::free(names);
    return passed;
}

Result<UniqueFd> listen_for_clients(const std::string& path, std::optional<gid_t> group,
                                    std::string& warning) {
    Result<UnixListener> listener = listen_at(path, socket_mode, group);
    if (!listener) return listener.error();
    const std::string problem =
        group ? listener->group_problem : "none is given, or there is no such group";
    if (!problem.empty()) warning = path + " has the daemon's own group: " + problem;
    return std::move(listener->socket);
}

}  // namespace ivshmemd
