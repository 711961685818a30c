#include "tests/support/notify_socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <sstream>

#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

NotifySocket::NotifySocket(const std::filesystem::path& path)
    : path_(path), fd_(bind_unix(path, SOCK_DGRAM)) {}

bool NotifySocket::take_message(Deadline deadline) {
    auto received = receive(fd_.get(), deadline);
    if (!received) return false;
    std::vector<std::string> lines;
    std::istringstream text(received->bytes);
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    follow_store(lines, std::move(received->fds));
    lines_.insert(lines_.end(), lines.begin(), lines.end());
    return true;
}

void NotifySocket::follow_store(const std::vector<std::string>& lines,
                                std::vector<FileDescriptor> fds) {
    const std::string_view key = "FDNAME=";
    std::string name;
    for (const std::string& line : lines) {
        if (line.starts_with(key)) name = line.substr(key.size());
    }
    const auto says = [&](const char* line) {
        return std::find(lines.begin(), lines.end(), line) != lines.end();
    };
    if (says("FDSTORE=1") && !fds.empty()) stored_[name] = std::move(fds.front());
    if (says("FDSTOREREMOVE=1")) stored_.erase(name);
}

bool NotifySocket::wait_line(std::string_view prefix, Deadline deadline) {
    const auto matches = [&](const std::string& line) { return line.starts_with(prefix); };
    while (std::none_of(lines_.begin(), lines_.end(), matches)) {
        if (!take_message(deadline)) return false;
    }
    return true;
}

const std::map<std::string, FileDescriptor>& NotifySocket::stored() {
    while (take_message(Deadline::after(std::chrono::milliseconds(0)))) {
    }
    return stored_;
}

}  // namespace ivshmemd::test
