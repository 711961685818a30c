#include "tests/daemon/faults/bell.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

constexpr int vectors = 2;

bool has_left(const FileDescriptor& client) {
    char byte = 0;
    return ::recv(client.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

}  // namespace

Bell::Bell(std::filesystem::path path)
    : path_(std::move(path)),
      listener_(bind_unix(path_, SOCK_STREAM)),
      memory_(shared_memory(1 << 20)) {
    ::fcntl(listener_.get(), F_SETFL, O_NONBLOCK);
}

bool Bell::greet() {
    FileDescriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!client) return false;
    send_handshake(client.get(), next_id_, memory_.get());
    send_vectors(client.get(), next_id_, vectors);
    ++next_id_;
    clients_.push_back(std::move(client));
    return true;
}

bool Bell::serve() {
    const bool left = std::erase_if(clients_, has_left) > 0;
    return greet() || left;
}

}  // namespace ivshmemd::test
