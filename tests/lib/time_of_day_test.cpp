#include "lib/time_of_day.h"

#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

constexpr std::int64_t day = 86'400'000;

TEST(TimeOfDay, IsSpelledAsRfc3339) {
    EXPECT_EQ(spell_time_of_day(0), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(spell_time_of_day(day * 365 + 45'296'789), "1971-01-01T12:34:56.789Z");
    EXPECT_EQ(spell_time_of_day(1'772'357'400'125), "2026-03-01T09:30:00.125Z");
}

TEST(TimeOfDay, IsReadAsItIsSpelled) {
    for (const std::int64_t time :
         {std::int64_t{0}, std::int64_t{1'772'357'400'125}, 59 * 365 * day}) {
        EXPECT_EQ(parse_time_of_day(spell_time_of_day(time)), time);
    }
}

TEST(TimeOfDay, IsReadInTheOtherSpellingsOfRfc3339) {
    const std::int64_t time = 1'772'357'400'000;
    for (const char* text : {"2026-03-01T09:30:00Z", "2026-03-01t09:30:00z", "2026-03-01 09:30:00Z",
                             "2026-03-01T11:30:00+02:00", "2026-03-01T00:00:00-09:30",
                             "2026-03-01T09:30:00.000999Z"}) {
        EXPECT_EQ(parse_time_of_day(text), time) << text;
    }
    EXPECT_EQ(parse_time_of_day("2026-03-01T09:30:00.5Z"), time + 500);
    EXPECT_EQ(parse_time_of_day("2024-02-29T00:00:00Z"), 1'709'164'800'000);
}

TEST(TimeOfDay, IsNothingElse) {
    for (const char* text : {"",
                             "now",
                             "2026-03-01",
                             "2026-03-01T09:30Z",
                             "2026-03-01T09:30:00",
                             "09:30:00Z",
                             "2026-13-01T09:30:00Z",
                             "2026-00-01T09:30:00Z",
                             "2026-02-29T09:30:00Z",
                             "2026-03-32T09:30:00Z",
                             "2026-03-01T24:30:00Z",
                             "2026-03-01T09:60:00Z",
                             "2026-03-01T09:30:61Z",
                             "2026-03-01T09:30:00.Z",
                             "2026-03-01T09:30:00ZZ",
                             "2026-03-01T09:30:00+2:00",
                             "2026-03-01T09:30:00+0200",
                             "26-03-01T09:30:00Z",
                             "-2026-03-01T09:30:00Z",
                             "2026-03-01T09:30:00+24:00"}) {
        EXPECT_FALSE(parse_time_of_day(text)) << text;
    }
}

}  // namespace
}  // namespace ivshmemd
