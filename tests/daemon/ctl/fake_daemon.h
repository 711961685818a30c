#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace ivshmemd::ctl::test {

/// The accepted side of one connection, for a script.
class Peer {
  public:
    explicit Peer(int fd) : fd_(fd) {}

    /// One message without its NUL; what was read if the client closes, or says nothing for 10 s.
    std::string read_message() {
        std::string message;
        char byte = 0;
        while (readable() && recv(fd_, &byte, 1, 0) == 1 && byte != '\0') message += byte;
        return message;
    }

    bool send_message(std::string_view text) { return send_bytes(std::string(text) + '\0'); }

    /// False once the client has closed.
    bool send_bytes(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    /// Until the client closes.
    void wait_for_close() {
        std::array<char, 4096> ignored;
        while (readable() && recv(fd_, ignored.data(), ignored.size(), 0) > 0) {
        }
    }

  private:
    bool readable() const {
        pollfd waited{fd_, POLLIN, 0};
        return poll(&waited, 1, 10'000) == 1;
    }

    int fd_;
};

/// Takes connections on a socket of its own, one after the other, and plays a script on each, in a
/// thread.
class FakeDaemon {
  public:
    using Script = std::function<void(Peer&)>;

    explicit FakeDaemon(Script script) : script_(std::move(script)) {
        char name[] = "/tmp/ctl-test-XXXXXX";
        directory_ = mkdtemp(name);
        path_ = directory_ + "/socket";
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
        listen(listener_, 4);
        thread_ = std::thread([this] { serve(); });
    }

    ~FakeDaemon() {
        shutdown(listener_, SHUT_RDWR);  // wakes an accept nobody came for
        thread_.join();
        close(listener_);
        unlink(path_.c_str());
        rmdir(directory_.c_str());
    }

    FakeDaemon(const FakeDaemon&) = delete;
    FakeDaemon& operator=(const FakeDaemon&) = delete;

    const std::string& path() const { return path_; }

  private:
    void serve() {
        for (int fd = accept(listener_, nullptr, nullptr); fd >= 0;
             fd = accept(listener_, nullptr, nullptr)) {
            Peer peer(fd);
            script_(peer);
            close(fd);
        }
    }

    Script script_;
    std::string directory_;
    std::string path_;
    int listener_ = -1;
    std::thread thread_;
};

}  // namespace ivshmemd::ctl::test
