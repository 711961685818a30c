#include "tests/support/scripted_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

ScriptedServer::ScriptedServer(std::filesystem::path path, Script script)
    : path_(std::move(path)),
      script_(std::move(script)),
      listener_(bind_unix(path_, SOCK_STREAM)),
      stop_(::eventfd(0, EFD_CLOEXEC)),
      thread_([this] { serve(); }) {}

ScriptedServer::~ScriptedServer() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = ::write(stop_.get(), &one, sizeof one);
    thread_.join();
    std::filesystem::remove(path_);
}

void ScriptedServer::serve() {
    std::vector<std::thread> scripts;
    std::vector<int> open;
    while (true) {
        std::array<pollfd, 2> polled{pollfd{listener_.get(), POLLIN, 0},
                                     pollfd{stop_.get(), POLLIN, 0}};
        ::poll(polled.data(), polled.size(), -1);
        if (polled[1].revents != 0) break;
        const int client = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) continue;
        ++clients_;
        open.push_back(client);
        scripts.emplace_back([this, client] {
            script_(client);
            ::shutdown(client, SHUT_RDWR);
        });
    }
    for (const int client : open) ::shutdown(client, SHUT_RDWR);
    for (std::thread& each : scripts) each.join();
    for (const int client : open) ::close(client);
}

void send_number(int client, std::int64_t number, int fd) {
    std::array<char, sizeof number> bytes{};
    std::memcpy(bytes.data(), &number, sizeof number);
    try {
        send_all(client, {bytes.data(), bytes.size()}, soon(), fd);
    } catch (const std::exception&) {
        return;  // the client has left
    }
}

void send_handshake(int client, std::int64_t id, int memory) {
    send_number(client, 0);
    send_number(client, id);
    send_number(client, -1, memory);
}

void send_memory_twice(int client, int memory) {
    std::int64_t number = -1;
    const std::array<int, 2> fds{memory, memory};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof fds)> control{};
    iovec bytes{&number, sizeof number};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fds);
    std::memcpy(CMSG_DATA(header), fds.data(), sizeof fds);
    ::sendmsg(client, &message, MSG_NOSIGNAL);
}

void send_vectors(int client, std::int64_t id, int count) {
    for (int i = 0; i < count; ++i) send_number(client, id, eventfd_descriptor().get());
}

void wait_closed(int client) {
    char byte = 0;
    while (::recv(client, &byte, 1, 0) > 0) {
    }
}

FileDescriptor shared_memory(std::uint64_t size, int seals) {
    FileDescriptor memory(::memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (::ftruncate(memory.get(), static_cast<off_t>(size)) != 0) {
        throw std::runtime_error("ftruncate");
    }
    if (seals != 0) ::fcntl(memory.get(), F_ADD_SEALS, seals);
    return memory;
}

FileDescriptor eventfd_descriptor() {
    return FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

}  // namespace ivshmemd::test
