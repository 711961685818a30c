#include "daemon/events/event_memory.h"

#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

std::int64_t the_time = 0;

class EventMemoryTest : public testing::Test {
  protected:
    EventMemoryTest() { the_time = 1000; }

    void happen(std::int64_t time, const std::string& detail) {
        the_time = time;
        events_.publish({EventKind::vm_state, "web", {}, detail});
    }
    std::string detail(std::uint64_t number) const {
        const EventMemory::Entry* entry = memory_->find(number);
        return entry ? entry->event.detail : "none";
    }

    Events events_;
    std::optional<EventMemory> memory_;
    void begin() {
        memory_.emplace(events_, [] { return the_time; });
    }
};

TEST_F(EventMemoryTest, FindsWhatHappenedSinceATime) {
    begin();
    EXPECT_EQ(memory_->first_since(0), memory_->end());
    happen(1001, "a");
    happen(1005, "b");
    EXPECT_EQ(detail(memory_->first_since(0)), "a");
    EXPECT_EQ(detail(memory_->first_since(1001)), "a");
    EXPECT_EQ(detail(memory_->first_since(1002)), "b");
    EXPECT_EQ(memory_->first_since(1006), memory_->end());
    EXPECT_EQ(memory_->find(memory_->first_since(1002))->time, 1005);
    EXPECT_EQ(memory_->known_since(), 1000) << "nothing is known of what was before";
}

TEST_F(EventMemoryTest, ForgetsTheOldestWhenThereAreMany) {
    begin();
    for (std::size_t i = 0; i < EventMemory::most_events + 2; ++i) {
        happen(2000 + static_cast<std::int64_t>(i), std::to_string(i));
    }
    EXPECT_EQ(memory_->find(0), nullptr);
    EXPECT_EQ(memory_->find(1), nullptr);
    EXPECT_EQ(detail(2), "2");
    EXPECT_EQ(memory_->known_since(), 2002);
    EXPECT_EQ(memory_->end(), EventMemory::most_events + 2);
    EXPECT_EQ(memory_->find(memory_->end()), nullptr);
}

TEST_F(EventMemoryTest, ForgetsTheOldestWhenTheyAreLong) {
    begin();
    const std::string half(EventMemory::most_bytes / 2, 'x');
    for (int i = 0; i < 4; ++i) happen(2000 + i, half);
    EXPECT_EQ(memory_->find(2), nullptr);
    EXPECT_NE(memory_->find(3), nullptr);
    happen(3000, half + half + half);
    EXPECT_EQ(memory_->find(3), nullptr);
    EXPECT_NE(memory_->find(4), nullptr) << "its time is asked for";
}

TEST_F(EventMemoryTest, MindsAClockThatIsSetBack) {
    begin();
    happen(5000, "late");
    happen(1500, "early");
    EXPECT_EQ(detail(memory_->first_since(1200)), "late");
    EXPECT_EQ(detail(memory_->first_since(5000)), "late");
}

}  // namespace
}  // namespace ivshmemd
