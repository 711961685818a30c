#pragma once

#include <string>

#include "daemon/base/unique_fd.h"
#include "lib/result.h"

namespace ivshmemd::qmp {

/// Connects to a monitor's socket without ever blocking. VmUnavailable with state `unreachable`
/// when nothing listens, `busy` when its queue is full; and with listener `none` when the socket is
/// there and nobody is behind it.
///
/// Not Asio's async_connect: a Unix socket whose queue is full answers EAGAIN, which that reports
/// as success (seen with 1.81), and waiting for it to become writable never ends.
Result<UniqueFd> connect_monitor(const std::string& path);

}  // namespace ivshmemd::qmp
