#include "proto/qmp/mux.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace ivshmemd::qmp {
namespace {

using Outcome = Mux::Outcome;
using Ids = std::vector<std::uint64_t>;

Reply reply_to(std::uint64_t id) {
    return {.id = {ReplyId::Kind::number, id}, .value = nullptr};
}

ErrorReply error_to(std::uint64_t id) {
    return {.id = {ReplyId::Kind::number, id}, .error_class = "GenericError", .description = "no"};
}

Error gone(std::string message) {
    return Error(ErrorKind::vm_unavailable, std::move(message));
}

std::uint64_t added(Mux& mux) {
    const auto id = mux.add();
    if (id) return *id;
    ADD_FAILURE() << id.error().message;
    return 0;
}

TEST(Mux, CountsIdsFromOneAndNeverUsesOneAgain) {
    Mux mux;
    EXPECT_EQ(added(mux), 1U);
    EXPECT_EQ(added(mux), 2U);
    EXPECT_EQ(mux.on_message(reply_to(2)), Outcome::matched);
    EXPECT_EQ(mux.on_message(reply_to(1)), Outcome::matched);
    EXPECT_EQ(added(mux), 3U);
}

TEST(Mux, MatchesRepliesAndErrorsInAnyOrder) {
    Mux mux;
    for (int i = 0; i < 4; ++i) added(mux);
    EXPECT_EQ(mux.on_message(error_to(3)), Outcome::matched);
    EXPECT_EQ(mux.on_message(reply_to(1)), Outcome::matched);
    EXPECT_EQ(mux.on_message(reply_to(4)), Outcome::matched);
    EXPECT_EQ(mux.waiting_count(), 1U);
    EXPECT_EQ(mux.on_message(error_to(2)), Outcome::matched);
    EXPECT_EQ(mux.waiting_count(), 0U);
}

TEST(Mux, DropsAndCountsWhatAnswersNothing) {
    Mux mux;
    added(mux);
    EXPECT_EQ(mux.on_message(reply_to(0)), Outcome::unknown);
    EXPECT_EQ(mux.on_message(reply_to(2)), Outcome::unknown);
    EXPECT_EQ(mux.on_message(error_to(99)), Outcome::unknown);
    EXPECT_EQ(mux.on_message(Reply{}), Outcome::unknown);
    EXPECT_EQ(mux.on_message(Reply{.id = {ReplyId::Kind::foreign, 0}, .value = nullptr}),
              Outcome::unknown);
    ErrorReply foreign = error_to(0);
    foreign.id.kind = ReplyId::Kind::foreign;
    EXPECT_EQ(mux.on_message(foreign), Outcome::unknown);
    EXPECT_EQ(mux.unknown_count(), 6U);
    EXPECT_EQ(mux.waiting_count(), 1U);
}

TEST(Mux, TakesASecondReplyForUnknown) {
    Mux mux;
    const auto id = added(mux);
    EXPECT_EQ(mux.on_message(reply_to(id)), Outcome::matched);
    EXPECT_EQ(mux.on_message(reply_to(id)), Outcome::unknown);
    EXPECT_EQ(mux.unknown_count(), 1U);
}

TEST(Mux, TakesAnErrorWithoutIdForAProtocolError) {
    Mux mux;
    const auto id = added(mux);
    EXPECT_EQ(mux.on_message(ErrorReply{}), Outcome::protocol_error);
    EXPECT_EQ(mux.unknown_count(), 0U);
    EXPECT_EQ(mux.on_message(reply_to(id)), Outcome::matched);
}

TEST(Mux, RecognisesTheLateReplyToAnAbandonedCallOnce) {
    Mux mux;
    const auto id = added(mux);
    EXPECT_TRUE(mux.abandon(id));
    EXPECT_EQ(mux.waiting_count(), 0U);
    EXPECT_EQ(mux.abandoned_count(), 1U);
    EXPECT_EQ(mux.on_message(error_to(id)), Outcome::late);
    EXPECT_EQ(mux.abandoned_count(), 0U);
    EXPECT_EQ(mux.on_message(error_to(id)), Outcome::unknown);
}

TEST(Mux, AbandonsOnlyWhatWaits) {
    Mux mux;
    const auto answered = added(mux);
    const auto abandoned = added(mux);
    const auto closed = added(mux);
    EXPECT_EQ(mux.on_message(reply_to(answered)), Outcome::matched);
    EXPECT_TRUE(mux.abandon(abandoned));
    EXPECT_FALSE(mux.abandon(answered));
    EXPECT_FALSE(mux.abandon(abandoned));
    EXPECT_FALSE(mux.abandon(77));
    mux.close(gone("EOF"));
    EXPECT_FALSE(mux.abandon(closed));
}

TEST(Mux, ClosesAllWaitingCallsWithOneCause) {
    Mux mux;
    const auto first = added(mux);
    const auto abandoned = added(mux);
    const auto answered = added(mux);
    const auto last = added(mux);
    mux.abandon(abandoned);
    mux.on_message(reply_to(answered));
    EXPECT_EQ(mux.cause(), nullptr);

    EXPECT_EQ(mux.close(gone("EOF")), (Ids{first, last}));

    ASSERT_NE(mux.cause(), nullptr);
    EXPECT_EQ(mux.cause()->message, "EOF");
    EXPECT_EQ(mux.waiting_count(), 0U);
    EXPECT_EQ(mux.abandoned_count(), 0U);
    EXPECT_EQ(mux.on_message(reply_to(first)), Outcome::unknown);
    EXPECT_EQ(mux.on_message(reply_to(abandoned)), Outcome::unknown);
}

TEST(Mux, KeepsTheFirstCauseForLaterCallsAndCloses) {
    Mux mux;
    mux.close(gone("a stray byte"));
    EXPECT_EQ(mux.close(gone("EOF")), Ids{});
    const auto id = mux.add();
    ASSERT_FALSE(id);
    EXPECT_EQ(id.error(), gone("a stray byte"));
    EXPECT_EQ(mux.cause()->message, "a stray byte");
}

TEST(Mux, RefusesCallsBeyondItsCapacityUntilOneIsAnswered) {
    Mux mux(3);
    const auto first = added(mux);
    const auto second = added(mux);
    added(mux);
    mux.abandon(first);
    const auto refused = mux.add();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::vm_unavailable);
    EXPECT_EQ(mux.cause(), nullptr);
    EXPECT_EQ(mux.on_message(reply_to(first)), Outcome::late);
    EXPECT_EQ(added(mux), 4U);
    EXPECT_FALSE(mux.add());
    EXPECT_EQ(mux.on_message(reply_to(second)), Outcome::matched);
    EXPECT_EQ(added(mux), 5U);
}

TEST(Mux, HoldsThousandsOfCallsByDefault) {
    Mux mux;
    std::size_t held = 0;
    while (held < 100000 && mux.add()) ++held;
    EXPECT_GE(held, 2000U);
    EXPECT_EQ(held, Mux::default_capacity) << "and no more: a silent QEMU must not fill the memory";
}

/// A session's side of the contract, with the wake-ups replaced by direct calls.
class FakeSession {
  public:
    std::uint64_t call() {
        const auto id = added(mux);
        slots_[id];
        return id;
    }
    void receive(std::uint64_t id, std::string value) {
        if (mux.on_message(reply_to(id)) == Outcome::matched) slots_[id] = std::move(value);
    }
    /// What the call of that id ends with when it wakes now, for whatever reason.
    std::string wake(std::uint64_t id) {
        const std::string answer = slots_[id];
        slots_.erase(id);
        if (!answer.empty()) return answer;
        if (mux.cause()) return mux.cause()->message;
        mux.abandon(id);
        return "deadline";
    }

    Mux mux;

  private:
    std::map<std::uint64_t, std::string> slots_;
};

TEST(Mux, LetsAReplyBeatACloseAndACloseBeatADeadline) {
    FakeSession session;
    const auto answered = session.call();
    const auto closed = session.call();
    const auto expired = session.call();
    EXPECT_EQ(session.wake(expired), "deadline");
    session.receive(answered, "reply");
    session.receive(expired, "late");
    EXPECT_EQ(session.mux.close(gone("EOF")), (Ids{closed}));
    EXPECT_EQ(session.wake(answered), "reply");
    EXPECT_EQ(session.wake(closed), "EOF");
    EXPECT_EQ(session.mux.unknown_count(), 0U);
}

TEST(Mux, KnowsWhetherABatchFits) {
    Mux mux(3);
    EXPECT_TRUE(mux.has_room(3));
    EXPECT_FALSE(mux.has_room(4));
    added(mux);
    EXPECT_TRUE(mux.has_room(2));
    EXPECT_FALSE(mux.has_room(3));
    EXPECT_TRUE(mux.abandon(1));
    EXPECT_FALSE(mux.has_room(3)) << "its reply may still come";
    EXPECT_EQ(mux.on_message(reply_to(1)), Outcome::late);
    EXPECT_TRUE(mux.has_room(3));
}

}  // namespace
}  // namespace ivshmemd::qmp
