#include "daemon/doorbell/announcements.h"

#include <algorithm>
#include <utility>

namespace ivshmemd::doorbell {

void Announcements::introduce(std::int64_t number, SharedDescriptors descriptors) {
    if (!descriptors->empty()) entries_.push_back({number, std::move(descriptors), 0});
}

void Announcements::withdraw(std::uint16_t id) {
    const auto pending = std::find_if(entries_.begin(), entries_.end(), [id](const Entry& entry) {
        return entry.number == id && entry.descriptors;
    });
    bool known = true;
    if (pending != entries_.end()) {
        known = pending->sent > 0;
        entries_.erase(pending);
    }
    if (known) say(id);
}

std::optional<Outgoing> Announcements::front() const {
    if (entries_.empty()) return std::nullopt;
    const Entry& entry = entries_.front();
    if (!entry.descriptors) return Outgoing{entry.number, -1};
    return Outgoing{entry.number, (*entry.descriptors)[entry.sent].get()};
}

void Announcements::pop() {
    Entry& entry = entries_.front();
    if (!entry.descriptors || ++entry.sent == entry.descriptors->size()) entries_.pop_front();
}

}  // namespace ivshmemd::doorbell
