#pragma once

#include <cstdint>
#include <deque>

#include "daemon/events/events.h"

namespace ivshmemd {

/// The last events with their times, for subscribers that ask for what was before them. Bounded:
/// the oldest are forgotten first. It is to subscribe before anybody who looks here for the time of
/// an event that it hears of.
class EventMemory {
  public:
    static constexpr std::size_t most_events = 4096;
    static constexpr std::size_t most_bytes = std::size_t{1} << 20;  // of their texts

    struct Entry {
        Event event;
        std::int64_t time = 0;  // of day; see lib/time_of_day.h
    };

    /// Tells the time of day; tests have their own.
    using Clock = std::int64_t (*)();
    static std::int64_t now();

    explicit EventMemory(Events& events, Clock clock = now);

    /// Events have numbers, in order. The first one that happened at this time or later; end()
    /// when there is none yet.
    std::uint64_t first_since(std::int64_t time) const;
    /// Null for one that is forgotten, or yet to come.
    const Entry* find(std::uint64_t number) const;
    std::uint64_t end() const { return first_ + entries_.size(); }
    /// All that happened since then is known.
    std::int64_t known_since() const { return known_since_; }

  private:
    void remember(const Event& event);

    Clock clock_;
    std::deque<Entry> entries_;
    std::uint64_t first_ = 0;  // its number
    std::size_t bytes_ = 0;
    std::int64_t known_since_;
    Events::Subscription subscription_;  // last: it uses the others
};

}  // namespace ivshmemd
