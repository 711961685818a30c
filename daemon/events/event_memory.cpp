#include "daemon/events/event_memory.h"

#include <algorithm>
#include <chrono>

namespace ivshmemd {
namespace {

std::size_t size_of(const Event& event) {
    return event.vm.size() + event.detail.size() + event.device.value_or("").size();
}

}  // namespace

std::int64_t EventMemory::now() {
    using std::chrono::milliseconds;
    const auto time = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<milliseconds>(time).count();
}

EventMemory::EventMemory(Events& events, Clock clock)
    : clock_(clock),
      known_since_(clock()),
      subscription_(events.subscribe([this](const Event& event) { remember(event); })) {}

void EventMemory::remember(const Event& event) {
    entries_.push_back({event, clock_()});
    bytes_ += size_of(event);
    // The last one stays, however long it is: its time is asked for.
    while (entries_.size() > 1 && (entries_.size() > most_events || bytes_ > most_bytes)) {
        bytes_ -= size_of(entries_.front().event);
        known_since_ = std::max(known_since_, entries_.front().time + 1);
        entries_.pop_front();
        ++first_;
    }
}

// One by one: the clock may have been set back meanwhile.
std::uint64_t EventMemory::first_since(std::int64_t time) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& each) { return each.time >= time; });
    return first_ + static_cast<std::uint64_t>(found - entries_.begin());
}

const EventMemory::Entry* EventMemory::find(std::uint64_t number) const {
    if (number < first_ || number >= end()) return nullptr;
    return &entries_[number - first_];
}

}  // namespace ivshmemd
