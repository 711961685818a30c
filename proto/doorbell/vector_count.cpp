#include "proto/doorbell/vector_count.h"

#include <algorithm>

namespace ivshmemd::doorbell {
namespace {

// A pause between two vectors is not much longer than those before it.
constexpr int gaps = 8;

constexpr int most_pauses = 10;

}  // namespace

void VectorCount::heard(Time now) {
    longest_gap_ = std::max(longest_gap_, now - last_heard_);
    last_heard_ = now;
}

void VectorCount::take(const Notice& notice, Time now) {
    switch (notice.kind) {
        case Notice::Kind::own_vector:
            ++own_;
            last_own_ = now;
            return;
        case Notice::Kind::peer_vector:
            ++others_[notice.id];
            return;
        case Notice::Kind::peer_gone:
            others_.erase(notice.id);
            return;
    }
}

VectorCount::Time VectorCount::complete_at() const {
    if (own_ == 0) return Time::max();
    const Duration longest = most_pauses * pause_;
    if (has_fewer_than_others()) return last_own_ + longest;
    // More than the longest is not multiplied: it could be any time.
    const Duration gap = std::min(longest_gap_, longest);
    return last_own_ + std::clamp(gaps * gap, pause_, longest);
}

// From those that differ, as while one of them comes, nothing is learnt.
bool VectorCount::has_fewer_than_others() const {
    if (others_.empty()) return false;
    const std::uint32_t usual = others_.begin()->second;
    return own_ < usual && std::all_of(others_.begin(), others_.end(),
                                       [&](const auto& each) { return each.second == usual; });
}

}  // namespace ivshmemd::doorbell
