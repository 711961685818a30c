#pragma once

#include <sys/types.h>

#include <string_view>

namespace ivshmemd {

/// sendmsg(2) on a Unix socket, with a copy of the descriptor `fd` beside the bytes when it is not
/// -1. Neither waits nor raises SIGPIPE; its result and errno.
ssize_t send_message(int socket, std::string_view bytes, int fd);

}  // namespace ivshmemd
