#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>

#include "daemon/relay/relay.h"
#include "tests/daemon/loop.h"
#include "tests/support/scripted_server.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

struct Heard {
    std::int64_t number = 0;
    FileDescriptor fd;
};

/// A relay with a test at both of its ends.
class RelayFixture : public ::testing::Test {
  protected:
    void make(std::deque<ServerMessage> announced = {}, std::optional<std::uint32_t> vectors = 2) {
        auto [server, server_end] = socket_pair();
        auto [qemu, qemu_end] = socket_pair();
        server_ = std::move(server);
        qemu_ = std::move(qemu);
        relay_ =
            std::make_shared<Relay>(loop_.executor(), UniqueFd(server_end.release()),
                                    UniqueFd(qemu_end.release()), std::move(announced), vectors);
    }
    void start() {
        const auto ask = [this](std::size_t count) -> awaitable<Room> {
            asked_.push_back(count);
            co_return room_;
        };
        relay_->start(
            scope_, ask, [this] { ++crowded_; },
            [this](const std::string& why) { ended_.push_back(why); });
    }
    void TearDown() override {
        relay_->stop();
        EXPECT_TRUE(loop_.run_out());
    }

    /// Sends a fresh eventfd as the next vector of a peer, and keeps it.
    int announce(std::int64_t id) {
        eventfds_.push_back(eventfd_descriptor());
        send_number(server_.get(), id, eventfds_.back().get());
        return eventfds_.back().get();
    }

    /// The next message QEMU would read; none when nothing comes for a while.
    std::optional<Heard> hear() {
        std::optional<Heard> heard;
        const auto read = [&] {
            if (!wait_readable(qemu_.get(), Deadline::after(std::chrono::milliseconds(0)))) {
                return false;
            }
            auto received = receive(qemu_.get(), soon(), sizeof(std::int64_t));
            if (!received || received->bytes.size() != 8) return true;
            heard.emplace();
            std::memcpy(&heard->number, received->bytes.data(), 8);
            if (!received->fds.empty()) heard->fd = std::move(received->fds.front());
            return true;
        };
        loop_.run_until(read, Deadline::after(std::chrono::milliseconds(200)));
        return heard;
    }

    static bool same_file(int a, int b) {
        struct stat first {};
        struct stat second {};
        ::fstat(a, &first);
        ::fstat(b, &second);
        // All eventfds are one inode; what tells them apart is that a ring of one is heard.
        const std::uint64_t one = 1;
        std::uint64_t rung = 0;
        return ::write(a, &one, sizeof one) == sizeof one &&
               ::read(b, &rung, sizeof rung) == sizeof rung;
    }

    bool rings_through(int from, int to) {
        const std::uint64_t one = 1;
        std::uint64_t rung = 0;
        if (::write(from, &one, sizeof one) != sizeof one) return false;
        return loop_.run_until([&] { return ::read(to, &rung, sizeof rung) == sizeof rung; },
                               Deadline::after(std::chrono::milliseconds(2000)));
    }

    Loop loop_;
    Scope scope_{loop_.executor(), {}};
    FileDescriptor server_;
    FileDescriptor qemu_;
    std::vector<FileDescriptor> eventfds_;
    std::shared_ptr<Relay> relay_;
    std::vector<std::string> ended_;
    Room room_ = Room::enough;  // that QEMU has
    std::vector<std::size_t> asked_;
    int crowded_ = 0;
};

}  // namespace ivshmemd::test
