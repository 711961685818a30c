#include "daemon/doorbell/announcements.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <random>
#include <utility>

namespace ivshmemd::doorbell {
namespace {

using Told = std::vector<std::pair<std::int64_t, bool>>;  // number, with a descriptor?

SharedDescriptors some(unsigned count) {
    Descriptors descriptors;
    for (unsigned i = 0; i < count; ++i) descriptors.emplace_back(::dup(STDERR_FILENO));
    return std::make_shared<const Descriptors>(std::move(descriptors));
}

Told tell_all(Announcements& queue) {
    Told told;
    while (const auto next = queue.front()) {
        told.emplace_back(next->number, next->descriptor >= 0);
        queue.pop();
    }
    return told;
}

TEST(Announcements, TellsOfEachVectorInOrder) {
    const SharedDescriptors two = some(2);
    Announcements queue;
    queue.say(0);
    queue.introduce(7, two);
    EXPECT_EQ(queue.front()->descriptor, -1);
    queue.pop();
    for (const UniqueFd& descriptor : *two) {
        EXPECT_EQ(queue.front()->number, 7);
        EXPECT_EQ(queue.front()->descriptor, descriptor.get());
        queue.pop();
    }
    EXPECT_FALSE(queue.front());
}

TEST(Announcements, TellsThatAKnownPeerLeft) {
    Announcements queue;
    queue.introduce(3, some(1));
    tell_all(queue);
    queue.withdraw(3);
    EXPECT_EQ(tell_all(queue), (Told{{3, false}}));
}

TEST(Announcements, SaysNothingOfAPeerThatCameAndWentMeanwhile) {
    Announcements queue;
    queue.introduce(1, some(1));
    queue.introduce(2, some(2));
    queue.withdraw(2);
    EXPECT_EQ(tell_all(queue), (Told{{1, true}}));
}

TEST(Announcements, StopsInTheMiddleOfAPeerThatLeaves) {
    Announcements queue;
    queue.introduce(1, some(3));
    queue.pop();
    queue.withdraw(1);
    EXPECT_EQ(tell_all(queue), (Told{{1, false}}));
}

TEST(Announcements, DoesNotTakeTheHandshakeForThePeerOfThatNumber) {
    Announcements queue;
    queue.say(0);                  // the version
    queue.say(5);                  // the own id
    queue.introduce(-1, some(1));  // the memory
    queue.withdraw(0);
    EXPECT_EQ(tell_all(queue), (Told{{0, false}, {5, false}, {-1, true}, {0, false}}));
}

TEST(Announcements, LetsGoOfTheDescriptorsOfAPeerThatLeft) {
    const SharedDescriptors vectors = some(2);
    Announcements queue;
    queue.introduce(1, vectors);
    queue.pop();
    queue.withdraw(1);
    EXPECT_EQ(vectors.use_count(), 1);
}

// Whatever comes and goes, and whenever the client reads: it never hears of a peer's leaving that
// it does not know, knows all in the end, and the queue stays short.
TEST(Announcements, BringTheClientUpToDateAndStayFew) {
    constexpr unsigned ids = 5;
    constexpr unsigned vectors = 3;
    std::mt19937 random(20240607);
    const SharedDescriptors descriptors = some(vectors);
    for (int round = 0; round < 300; ++round) {
        Announcements queue;
        std::map<std::int64_t, unsigned> there, heard;
        const auto read_one = [&] {
            const auto next = queue.front();
            if (!next) return;
            if (next->descriptor < 0) {
                EXPECT_EQ(heard.erase(next->number), 1U);
            } else {
                EXPECT_LE(++heard[next->number], vectors);
            }
            queue.pop();
        };
        for (int step = 0; step < 100; ++step) {
            const auto id = static_cast<std::uint16_t>(random() % ids);
            if (random() % 3 == 0) {
                read_one();
            } else if (there.erase(id) != 0) {
                queue.withdraw(id);
            } else {
                there[id] = vectors;
                queue.introduce(id, descriptors);
            }
            EXPECT_LE(queue.size(), 2 * ids);
        }
        while (queue.front()) read_one();
        EXPECT_EQ(heard, there);
    }
}

}  // namespace
}  // namespace ivshmemd::doorbell
