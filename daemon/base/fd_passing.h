#pragma once

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "daemon/base/unique_fd.h"

namespace ivshmemd {

/// sendmsg(2) with at most one descriptor beside the first byte; -1 for none. Never blocks and
/// raises no SIGPIPE. What sendmsg says, errno included.
ssize_t send_with_fd(int socket, std::string_view bytes, int fd);

/// What one recvmsg(2) brought.
struct ReceivedBytes {
    ssize_t count = -1;  // as recvmsg says, errno included
    std::vector<UniqueFd> fds;
};

/// Reads at most `size` bytes and the descriptors beside them, which are closed on exec. Never
/// blocks.
ReceivedBytes receive_with_fds(int socket, char* buffer, std::size_t size);

}  // namespace ivshmemd
