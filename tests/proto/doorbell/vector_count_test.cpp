#include "proto/doorbell/vector_count.h"

#include <gtest/gtest.h>

namespace ivshmemd::doorbell {
namespace {

using std::chrono::milliseconds;

class VectorCountTest : public testing::Test {
  protected:
    void hear(Notice::Kind kind, std::uint16_t id = 0) {
        count_.heard(now_);
        count_.take(Notice{kind, id, 0}, now_);
    }
    milliseconds wait() const {
        return std::chrono::duration_cast<milliseconds>(count_.complete_at() - now_);
    }

    VectorCount::Time now_ = std::chrono::steady_clock::now();
    VectorCount count_{now_, milliseconds(100)};
};

TEST_F(VectorCountTest, IsNeverCompleteWithoutAny) {
    hear(Notice::Kind::peer_vector, 1);
    EXPECT_EQ(count_.own(), 0u);
    EXPECT_EQ(count_.complete_at(), VectorCount::Time::max());
}

TEST_F(VectorCountTest, IsCompleteAfterAShortPauseOfAQuickServer) {
    hear(Notice::Kind::own_vector);
    now_ += milliseconds(10);
    hear(Notice::Kind::own_vector);
    EXPECT_EQ(count_.own(), 2u);
    EXPECT_EQ(wait(), milliseconds(100));
}

TEST_F(VectorCountTest, WaitsByTheLongestPauseSoFarAndNotForEver) {
    now_ += milliseconds(50);
    hear(Notice::Kind::own_vector);
    EXPECT_EQ(wait(), milliseconds(400));
    now_ += milliseconds(300);
    hear(Notice::Kind::own_vector);
    EXPECT_EQ(wait(), milliseconds(1000));
}

TEST_F(VectorCountTest, ExpectsAsManyAsThePeersHave) {
    for (const std::uint16_t peer : std::initializer_list<std::uint16_t>{1, 1, 2, 2})
        hear(Notice::Kind::peer_vector, peer);
    hear(Notice::Kind::own_vector);
    EXPECT_EQ(wait(), milliseconds(1000));
    hear(Notice::Kind::own_vector);
    EXPECT_EQ(wait(), milliseconds(100));
}

TEST_F(VectorCountTest, LearnsNothingOfPeersThatDifferOrHaveLeft) {
    for (const std::uint16_t peer : std::initializer_list<std::uint16_t>{1, 1, 2})
        hear(Notice::Kind::peer_vector, peer);
    hear(Notice::Kind::own_vector);
    EXPECT_EQ(wait(), milliseconds(100));
    hear(Notice::Kind::peer_gone, 2);
    EXPECT_EQ(wait(), milliseconds(1000));
    hear(Notice::Kind::peer_gone, 1);
    EXPECT_EQ(wait(), milliseconds(100));
}

}  // namespace
}  // namespace ivshmemd::doorbell
