#include "daemon/qmp/connect.h"

#include <cerrno>
#include <cstring>

#include "daemon/base/unix_connect.h"

namespace ivshmemd::qmp {

Result<UniqueFd> connect_monitor(const std::string& path) {
    UniqueFd fd = connect_unix(path);
    if (fd) return fd;
    const bool full = errno == EAGAIN;
    const bool refused = errno == ECONNREFUSED;
    const std::string why = full ? "its queue of clients is full" : std::strerror(errno);
    return Error(ErrorKind::vm_unavailable, path + ": " + why,
                 {{"state", std::string(full ? "busy" : "unreachable")},
                  {"listener", std::string(refused ? "none" : "unknown")}});
}

}  // namespace ivshmemd::qmp
