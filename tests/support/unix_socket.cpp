#include "tests/support/unix_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace ivshmemd::test {
namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

sockaddr_un address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& text = path.native();
    if (text.size() >= sizeof address.sun_path) throw std::runtime_error("path too long: " + text);
    std::memcpy(address.sun_path, text.data(), text.size());
    return address;
}

FileDescriptor new_socket(int type) {
    FileDescriptor fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    if (!fd) fail("socket");
    return fd;
}

bool poll_for(int fd, short events, Deadline deadline) {
    pollfd entry{fd, events, 0};
    const int count = ::poll(&entry, 1, deadline.remaining_ms());
    if (count < 0 && errno != EINTR) fail("poll");
    return count > 0;
}

void attach_fd(msghdr& message, char* control, size_t size, int fd) {
    message.msg_control = control;
    message.msg_controllen = size;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
}

void collect_fds(msghdr& message, std::vector<FileDescriptor>& fds) {
    for (auto* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            fds.emplace_back(fd);
        }
    }
}

}  // namespace

FileDescriptor connect_unix(const std::filesystem::path& path, Deadline deadline) {
    const sockaddr_un address = address_of(path);
    for (;;) {
        // Non-blocking: a full queue answers EAGAIN, a blocking connect would wait for ever.
        FileDescriptor fd = new_socket(SOCK_STREAM | SOCK_NONBLOCK);
        const auto* plain = reinterpret_cast<const sockaddr*>(&address);
        if (::connect(fd.get(), plain, sizeof address) == 0) {
            ::fcntl(fd.get(), F_SETFL, 0);
            return fd;
        }
        const bool again = errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN;
        if (!again || deadline.passed()) fail("connect " + path.native());
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

FileDescriptor bind_unix(const std::filesystem::path& path, int type) {
    const sockaddr_un address = address_of(path);
    FileDescriptor fd = new_socket(type);
    ::unlink(path.c_str());
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        fail("bind " + path.native());
    }
    if (type == SOCK_STREAM && ::listen(fd.get(), 1) != 0) fail("listen " + path.native());
    return fd;
}

std::pair<FileDescriptor, FileDescriptor> socket_pair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) fail("socketpair");
    return {FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

bool wait_readable(int fd, Deadline deadline) {
    return poll_for(fd, POLLIN, deadline);
}

void send_all(int fd, std::string_view bytes, Deadline deadline, int passed_fd) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    while (!bytes.empty()) {
        iovec data{const_cast<char*>(bytes.data()), bytes.size()};
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        if (passed_fd >= 0) attach_fd(message, control, sizeof control, passed_fd);
        const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<size_t>(sent));
            passed_fd = -1;
        } else if (errno != EAGAIN && errno != EINTR) {
            fail("send");
        } else if (!poll_for(fd, POLLOUT, deadline) && deadline.passed()) {
            throw std::runtime_error("send: the peer does not read");
        }
    }
}

std::optional<Received> receive(int fd, Deadline deadline, size_t most) {
    if (!wait_readable(fd, deadline)) return std::nullopt;
    char buffer[65536];
    alignas(cmsghdr) char control[CMSG_SPACE(16 * sizeof(int))];
    iovec data{buffer, std::min(most, sizeof buffer)};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t count = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno != ECONNRESET) fail("receive");
    Received received;
    if (count > 0) received.bytes.assign(buffer, static_cast<size_t>(count));
    if (count >= 0) collect_fds(message, received.fds);
    return received;
}

}  // namespace ivshmemd::test
