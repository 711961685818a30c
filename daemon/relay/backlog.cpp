#include "daemon/relay/backlog.h"

#include <algorithm>
#include <set>

#include "proto/doorbell/message.h"

namespace ivshmemd {
namespace {

constexpr std::size_t most_asked_for = 16;

constexpr Milliseconds room_lasts{2000};

}  // namespace

std::size_t Backlog::drop(std::uint16_t id) {
    return std::erase_if(
        waiting_, [id](const ServerMessage& each) { return doorbell::decode(each.bytes) == id; });
}

void Backlog::admit_all(SteadyClock::time_point now) {
    room_ = waiting_.size();
    room_found_ = now;
}

// A QEMU that is full may still have room for less than that.
std::size_t Backlog::question() const {
    return full_ ? 1 : std::min(waiting_.size(), most_asked_for);
}

bool Backlog::answered(Room room, std::size_t count, SteadyClock::time_point now) {
    room_ = room == Room::enough ? count : 0;
    room_found_ = now;
    const bool was_full = full_;
    if (room == Room::none) full_ = true;
    if (room == Room::enough && count >= waiting_.size()) full_ = false;
    return full_ && !was_full;
}

bool Backlog::has_room(SteadyClock::time_point now) const {
    return room_ > 0 && now - room_found_ < room_lasts;
}

void Backlog::sent(bool read_all) {
    unread_ = read_all ? 1 : unread_ + 1;
    if (room_ > 0) --room_;
    waiting_.pop_front();
}

std::size_t Backlog::outstanding(bool read_all, SteadyClock::time_point now) const {
    return (has_room(now) ? std::min(room_, waiting_.size()) : 0) + (read_all ? 0 : unread_);
}

std::size_t Backlog::crowded_out() const {
    std::set<std::int64_t> ids;
    for (const ServerMessage& each : waiting_) ids.insert(doorbell::decode(each.bytes));
    return full_ ? ids.size() : 0;
}

}  // namespace ivshmemd
