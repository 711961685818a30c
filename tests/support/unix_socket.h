#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/deadline.h"
#include "tests/support/file_descriptor.h"

// Blocking Unix sockets with deadlines. Failures throw std::system_error or std::runtime_error.
namespace ivshmemd::test {

/// Connects to a stream socket, trying again while nobody listens there or the queue is full.
FileDescriptor connect_unix(const std::filesystem::path& path, Deadline deadline);

/// A bound socket; a stream socket also listens. A socket file that is in the way is replaced.
FileDescriptor bind_unix(const std::filesystem::path& path, int type);

std::pair<FileDescriptor, FileDescriptor> socket_pair();

/// False when the deadline passed first. A closed peer counts as readable.
bool wait_readable(int fd, Deadline deadline);

/// Sends everything, with `passed_fd` as SCM_RIGHTS when it is not -1.
void send_all(int fd, std::string_view bytes, Deadline deadline, int passed_fd = -1);

struct Received {
    std::string bytes;  // empty: the peer closed
    std::vector<FileDescriptor> fds;
};

/// Whatever comes next, at most that many bytes; none when the deadline passed first. A reset
/// counts as closed.
std::optional<Received> receive(int fd, Deadline deadline, size_t most = 65536);

}  // namespace ivshmemd::test
