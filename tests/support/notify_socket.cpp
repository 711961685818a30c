#include "tests/support/notify_socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <sstream>

#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

NotifySocket::NotifySocket(const std::filesystem::path& path)
    : path_(path), fd_(bind_unix(path, SOCK_DGRAM)) {}

bool NotifySocket::wait_line(std::string_view prefix, Deadline deadline) {
    const auto matches = [&](const std::string& line) { return line.starts_with(prefix); };
    while (std::none_of(lines_.begin(), lines_.end(), matches)) {
        const auto received = receive(fd_.get(), deadline);
        if (!received) return false;
        std::istringstream text(received->bytes);
        for (std::string line; std::getline(text, line);) lines_.push_back(line);
    }
    return true;
}

}  // namespace ivshmemd::test
