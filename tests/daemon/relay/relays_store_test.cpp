#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>

#include "daemon/relay/relays.h"
#include "tests/daemon/loop.h"
#include "tests/support/notify_socket.h"
#include "tests/support/temp_dir.h"
#include "tests/support/variable.h"

namespace ivshmemd::test {
namespace {

class RelaysStore : public ::testing::Test {
  protected:
    std::shared_ptr<ServerConnection> connection() {
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) std::abort();
        auto server = std::make_shared<ServerConnection>();
        server->socket.reset(ends[0]);
        server_end_.reset(ends[1]);
        server->memory.reset(::memfd_create("memory", MFD_CLOEXEC));
        return server;
    }

    TempDir directory_;
    NotifySocket manager_{directory_ / "notify"};
    Variable address_{"NOTIFY_SOCKET", manager_.path()};
    Loop loop_;
    UniqueFd server_end_;
    ManagerPost post_{loop_.executor()};
    Relays relays_{loop_.executor(), post_, [](const auto&, const auto&, const auto&) {}};
};

TEST_F(RelaysStore, GivesBothEndsToTheServiceManager) {
    EXPECT_TRUE(loop_.run(relays_.prepare("a", "x", connection())));
    EXPECT_TRUE(manager_.stored().contains("relay-qemu.x.a"));
    EXPECT_TRUE(manager_.stored().contains("relay-server.x.a"));
    relays_.drop("a", "x");
    EXPECT_TRUE(manager_.stored().empty());
}

// Else a restart would cut the device off, and nobody would have been told.
TEST_F(RelaysStore, FailsWhereTheServiceManagerTakesNothing) {
    while (tell_manager("FILLER=1")) {
    }
    loop_.own_time([] { return true; });
    const Result<UniqueFd> end = loop_.run(relays_.prepare("a", "x", connection()));
    ASSERT_FALSE(end);
    EXPECT_NE(end.error().message.find("the service manager does not take"), std::string::npos)
        << end.error().message;
    EXPECT_TRUE(relays_.devices("a").empty());
    manager_.stored();
    EXPECT_TRUE(loop_.run_out()) << "something waits";
    EXPECT_TRUE(manager_.stored().empty());
}

}  // namespace
}  // namespace ivshmemd::test
