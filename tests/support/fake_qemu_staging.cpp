#include <poll.h>

#include "tests/support/fake_qemu_player.h"

// Exchanges that do not go as they should.
namespace ivshmemd::test {

using nlohmann::json;

void FakeQemu::direct(Director director) {
    const std::lock_guard lock(state_->mutex);
    state_->director = std::move(director);
}

bool FakeQemu::is_held() const {
    const std::lock_guard lock(state_->mutex);
    return state_->held;
}

void FakeQemu::release_held() {
    {
        const std::lock_guard lock(state_->mutex);
        if (!state_->held) return;
        state_->held = false;
    }
    release();
}

// What it waits for is looked at before the wait ends: then it is readable, and nobody else reads.
bool FakeQemu::is_idle() const {
    if (!state_->thread.joinable() || state_->starved) return true;
    const int awaited = state_->awaited;
    pollfd entry{awaited, POLLIN, 0};
    return awaited >= 0 && ::poll(&entry, 1, 0) == 0 && state_->awaited == awaited;
}

bool FakeQemu::Player::hold() {
    {
        const std::lock_guard lock(state_.mutex);
        state_.held = true;
    }
    return stall();
}

// With the connection goes what was to be sent, and what came and nothing has taken.
void FakeQemu::Player::drop_pending() {
    const std::lock_guard lock(state_.mutex);
    state_.after_reply.clear();
    state_.fds.clear();
}

bool FakeQemu::Player::perform(const Staging& staging, const Handler& handler) {
    if (staging.held_before && !hold()) return false;
    json body = staging.carried_out ? handler(arguments()) : error("GenericError", "not done");
    if (staging.answer) body = *staging.answer;
    if (staging.held && !hold()) return false;
    if (!send_staged(staging, std::move(body))) return false;
    if (!staging.closed) return true;
    drop_pending();
    return close();
}

bool FakeQemu::Player::send_staged(const Staging& staging, json body) {
    if (body.is_null()) return true;
    if (request_.contains("id")) body["id"] = request_["id"];
    if (staging.id) body["id"] = *staging.id;
    std::string line = body.dump() + "\r\n";
    if (staging.halved) line.resize(line.size() / 2);
    std::string all = staging.before;
    if (!staging.after_next) {
        for (int i = 0; i < staging.times; ++i) all += line;
        all += std::exchange(kept_, {});
    } else {
        kept_ = line;
    }
    if (!all.empty() && !send(all)) return false;
    std::vector<json> events;
    {
        const std::lock_guard lock(state_.mutex);
        if (!staging.closed) events.swap(state_.after_reply);
    }
    for (const json& event : events) {
        if (!send_json(event)) return false;
    }
    return staging.after.empty() || send(staging.after);
}

}  // namespace ivshmemd::test
