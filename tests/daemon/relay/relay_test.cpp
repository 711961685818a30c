#include "daemon/relay/relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/daemon/loop.h"
#include "tests/support/scripted_server.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

struct Heard {
    std::int64_t number = 0;
    FileDescriptor fd;
};

/// A relay with a test at both of its ends.
class RelayTest : public ::testing::Test {
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
    Room room_ = Room::enough;
    std::vector<std::size_t> asked_;
    int crowded_ = 0;
};

TEST_F(RelayTest, KeepsWhatItMustNotPassOnYet) {
    make();
    relay_->hold_back(true);
    start();
    announce(3);
    ASSERT_TRUE(loop_.run_until([this] { return relay_->passed() == 1; }));
    EXPECT_FALSE(relay_->delivered());
    relay_->hold_back(false);
    ASSERT_TRUE(hear());
    EXPECT_TRUE(relay_->delivered());
}

TEST_F(RelayTest, PassesOnWhatWasAnnouncedBeforeAndAfterItsStart) {
    std::deque<ServerMessage> announced;
    announced.push_back({doorbell::encode(7), UniqueFd(eventfd_descriptor().release())});
    make(std::move(announced));
    const int own = announce(3);
    EXPECT_FALSE(hear()) << "it must not run before it is started";
    start();
    const auto first = hear();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->number, 7);
    EXPECT_TRUE(first->fd);
    const auto second = hear();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->number, 3);
    EXPECT_TRUE(same_file(own, second->fd.get()));
}

// QEMU frees the eventfds of a peer that leaves, and once more when the device is unplugged.
TEST_F(RelayTest, TellsQemuOfNoDeparture) {
    make();
    start();
    announce(1);
    ASSERT_TRUE(hear());
    send_number(server_.get(), 1);
    send_number(server_.get(), 1);
    send_number(server_.get(), 9);
    announce(2);
    const auto next = hear();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->number, 2);
}

TEST_F(RelayTest, CarriesRingsToAPeerThatTookAnIdOver) {
    make();
    start();
    announce(1);
    announce(1);
    const auto vector0 = hear();
    const auto vector1 = hear();
    ASSERT_TRUE(vector0 && vector1);
    for (int round = 0; round < 3; ++round) {
        send_number(server_.get(), 1);
        const int new0 = announce(1);
        const int new1 = announce(1);
        EXPECT_FALSE(hear()) << "QEMU would use memory that it freed";
        EXPECT_TRUE(rings_through(vector0->fd.get(), new0));
        EXPECT_TRUE(rings_through(vector1->fd.get(), new1));
        EXPECT_TRUE(rings_through(vector0->fd.get(), new0));
    }
}

TEST_F(RelayTest, PassesOnNoMoreVectorsThanTheDeviceHas) {
    make();
    start();
    for (int i = 0; i < 3; ++i) announce(1);
    EXPECT_TRUE(hear());
    EXPECT_TRUE(hear());
    EXPECT_FALSE(hear());
}

TEST_F(RelayTest, SaysWhyTheServerIsLostAndClosesQemusSide) {
    make();
    start();
    server_.reset();
    ASSERT_TRUE(loop_.run_until([&] { return !ended_.empty(); }));
    EXPECT_EQ(ended_.front(), "it closed the connection");
    EXPECT_EQ(receive(qemu_.get(), soon())->bytes, "");
}

TEST_F(RelayTest, LosesAServerThatBreaksTheProtocol) {
    for (const std::int64_t number : {std::int64_t{-1}, std::int64_t{65536}, INT64_MIN}) {
        make();
        ended_.clear();
        start();
        send_number(server_.get(), number, eventfd_descriptor().get());
        ASSERT_TRUE(loop_.run_until([&] { return !ended_.empty(); }));
        EXPECT_EQ(ended_.front(), "it sent what is no announcement of a peer");
    }
}

TEST_F(RelayTest, LeavesTheServerQuietlyWhenQemuLetsGo) {
    make();
    start();
    qemu_.reset();
    ASSERT_TRUE(loop_.run_until([&] { return !ended_.empty(); }));
    EXPECT_EQ(ended_.front(), "");
    EXPECT_EQ(receive(server_.get(), soon())->bytes, "");
}

// A QEMU without a free descriptor takes the announcement for a departure.
TEST_F(RelayTest, TellsQemuOfNoPeerThatItHasNoRoomFor) {
    for (const Room room : {Room::none, Room::unknown}) {
        make();
        room_ = room;
        asked_.clear();
        start();
        announce(3);
        announce(3);
        EXPECT_FALSE(hear());
        EXPECT_FALSE(asked_.empty());
        EXPECT_EQ(relay_->crowded_out(), room == Room::none ? 1u : 0u) << "peers, not vectors";
        room_ = Room::enough;
        std::optional<Heard> heard;
        ASSERT_TRUE(loop_.run_until([&] { return (heard = hear()).has_value(); }));
        EXPECT_EQ(heard->number, 3);
        EXPECT_TRUE(hear());
        EXPECT_EQ(relay_->crowded_out(), 0u);
    }
}

TEST_F(RelayTest, AsksForWhatTheHandshakeDidNotAnnounce) {
    std::deque<ServerMessage> announced;
    for (const int id : {7, 7}) {
        announced.push_back({doorbell::encode(id), UniqueFd(eventfd_descriptor().release())});
    }
    make(std::move(announced));
    EXPECT_EQ(relay_->outstanding(), 2u);
    start();
    ASSERT_TRUE(hear() && hear());
    EXPECT_EQ(relay_->outstanding(), 0u);
    EXPECT_THAT(asked_, ::testing::IsEmpty())
        << "there was room for these when QEMU got the device";
    announce(3);
    ASSERT_TRUE(hear());
    EXPECT_THAT(asked_, ::testing::ElementsAre(1));
}

TEST_F(RelayTest, CountsWhatQemuHasNotReadYet) {
    make();
    start();
    announce(3);
    ASSERT_TRUE(loop_.run_until([this] { return relay_->outstanding() == 1; }));
    announce(4);
    ASSERT_TRUE(loop_.run_until([this] { return relay_->outstanding() == 2; }));
    ASSERT_TRUE(hear() && hear());
    EXPECT_EQ(relay_->outstanding(), 0u);
}

// It would have cost QEMU descriptors, and nobody could have been rung by them.
TEST_F(RelayTest, SparesQemuAPeerThatLeftBeforeQemuHeardOfIt) {
    make();
    relay_->hold_back(true);
    start();
    announce(3);
    send_number(server_.get(), 3);
    announce(4);
    announce(4);
    ASSERT_TRUE(loop_.run_until([this] { return relay_->passed() == 2; }));
    relay_->hold_back(false);
    for (int vector = 0; vector < 2; ++vector) EXPECT_EQ(hear()->number, 4);
    EXPECT_FALSE(hear());
    const int own = announce(3);
    const auto back = hear();
    ASSERT_TRUE(back) << "QEMU knows nothing of that id";
    EXPECT_EQ(back->number, 3);
    EXPECT_TRUE(same_file(own, back->fd.get()));
}

// The service manager keeps both for the next daemon; a loop that never runs out would keep this
// one.
TEST_F(RelayTest, LeavesBothConnectionsToWhoeverKeepsThem) {
    make();
    const FileDescriptor kept_server(::dup(relay_->server()));
    const FileDescriptor kept_qemu(::dup(relay_->qemu()));
    start();
    announce(1);
    ASSERT_TRUE(hear());
    relay_->leave();
    EXPECT_TRUE(loop_.run_out());
    EXPECT_TRUE(ended_.empty());
    send_number(server_.get(), 2);
    EXPECT_EQ(receive(kept_server.get(), soon())->bytes.size(), 8u);
    send_number(kept_qemu.get(), 2);
    EXPECT_EQ(receive(qemu_.get(), soon())->bytes.size(), 8u);
}

TEST_F(RelayTest, SeesTheServerEndWhileQemuDoesNotRead) {
    make({}, 2048);
    start();
    for (int id = 1; id < 600; ++id) {
        announce(id % 100 + 1);
        if (id % 50 == 0) loop_.run_for(std::chrono::milliseconds(5));
    }
    server_.reset();
    EXPECT_TRUE(loop_.run_until([&] { return !ended_.empty(); }));
}

TEST_F(RelayTest, PassesEverythingOnWhenNothingIsKnownOfBefore) {
    make({}, std::nullopt);
    start();
    for (int i = 0; i < 3; ++i) announce(1);
    EXPECT_TRUE(hear());
    EXPECT_TRUE(hear());
    EXPECT_TRUE(hear());
}

}  // namespace
}  // namespace ivshmemd::test
