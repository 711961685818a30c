#include "daemon/doorbell/descriptor_limit.h"

#include "daemon/base/fd_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace ivshmemd::doorbell {
namespace {

TEST(DescriptorLimit, IsRaisedAsFarAsItGoes) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit low{64, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    EXPECT_EQ(raise_descriptor_limit(), before.rlim_max);
    rlimit after{};
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
    EXPECT_EQ(after.rlim_cur, before.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST(DescriptorLimit, DecidesHowManyPeersThereMayBe) {
    const struct {
        std::optional<unsigned> requested;
        unsigned vectors;
        std::uint64_t limit;
        unsigned peers;  // 0: refused
    } table[] = {
        {{}, 1, 20000, 256}, {{}, 64, 20000, 256},  {{}, 64, 1024, 15},  // (1024 - 32) / 65
        {{}, 64, 97, 1},     {{}, 64, 96, 0},       {{}, 1, 10, 0},     {15, 64, 1024, 15},
        {16, 64, 1024, 0},   {1000, 1, 2032, 1000}, {1001, 1, 2032, 0}, {65536, 2, 1000000, 65536},
    };
    for (const auto& row : table) {
        const Result<unsigned> peers = decide_peers(row.requested, row.vectors, row.limit);
        EXPECT_EQ(peers ? *peers : 0, row.peers) << row.vectors << " vectors, " << row.limit;
    }
}

TEST(DescriptorLimit, SharesOutWhatMayLieUnread) {
    EXPECT_EQ(decide_unread(256, 20000), 39U);
    EXPECT_EQ(decide_unread(64, 524288), 256U);
    EXPECT_EQ(decide_unread(65536, 1024), 8U);
}

TEST(DescriptorLimit, SaysWhatIsMissing) {
    const Result<unsigned> peers = decide_peers(100, 64, 1024);
    ASSERT_FALSE(peers);
    EXPECT_EQ(peers.error().kind, ErrorKind::config_unsupported);
    EXPECT_EQ(peers.error().message,
              "100 peers with 64 vectors need 6532 open files, and the limit is 1024; raise it "
              "(LimitNOFILE= in the unit, ulimit -Hn), or ask for at most 15 peers");
}

}  // namespace
}  // namespace ivshmemd::doorbell
