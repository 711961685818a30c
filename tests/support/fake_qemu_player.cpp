#include "tests/support/fake_qemu_player.h"

#include <poll.h>
#include <sys/socket.h>

#include "tests/support/json_text.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

using nlohmann::json;

void FakeQemu::State::fail(const std::string& text) {
    const std::lock_guard lock(mutex);
    failure += text + "\n";
}

void FakeQemu::Player::play(FileDescriptor client) {
    client_ = std::move(client);
    buffer_.clear();
    kept_.clear();
    {
        const std::lock_guard lock(state_.mutex);
        state_.client = client_.get();
    }
    try {
        if (run_script()) serve();
    } catch (const std::exception& error) {
        state_.fail(error.what());
    }
    const std::lock_guard lock(state_.mutex);
    state_.client = -1;
    client_.reset();
}

void FakeQemu::Player::play_each(FileDescriptor listener) {
    while (wait_for(listener.get())) {
        FileDescriptor client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        state_.starved = !client;
        if (client) play(std::move(client));
        if (state_.starved) pause(std::chrono::milliseconds(1));
    }
}

bool FakeQemu::Player::run_script() {
    bool go_on = state_.script.empty() ? send_json(state_.greeting) : true;
    for (const auto& step : state_.script) {
        go_on = step(*this);
        if (!go_on) break;
    }
    const std::lock_guard lock(state_.mutex);
    // A script that was cut short by a failure or by the client was not played.
    if (go_on || !client_) ++state_.scripts_done;
    state_.changed.notify_all();
    return go_on;
}

void FakeQemu::Player::serve() {
    while (next_request() && answer()) {
    }
}

bool FakeQemu::Player::answer() {
    std::optional<State::Rule> rule;
    std::optional<std::vector<json>> recorded;
    Director director;
    {
        const std::lock_guard lock(state_.mutex);
        const auto found = state_.rules.find(command());
        if (found != state_.rules.end()) {
            rule = found->second;
            director = state_.director;
        } else if (state_.transcript) {
            recorded = state_.transcript->next(command(), arguments(), state_.any_arguments);
        }
    }
    if (rule && director) return perform(director(request_), rule->handler);
    if (rule) return pause(rule->delay) && reply(rule->handler(arguments()));
    if (!recorded) {
        state_.fail("no answer for " + request_.dump());
        return reply(error("CommandNotFound", "The command " + command() + " has not been found"));
    }
    for (json& message : *recorded) {
        const bool sent = message.contains("event") ? send_json(message) : reply(message);
        if (!sent) return false;
    }
    return true;
}

bool FakeQemu::Player::reply(json body) {
    bool sent = true;
    if (!body.is_null()) {
        if (request_.contains("id")) body["id"] = request_["id"];
        sent = send_json(body);
    }
    std::vector<json> events;
    {
        const std::lock_guard lock(state_.mutex);
        events.swap(state_.after_reply);
    }
    for (const json& event : events) sent = sent && send_json(event);
    return sent;
}

bool FakeQemu::Player::expect(const std::string& name, const Check& check) {
    if (!next_request()) {
        state_.fail("expected " + name + ", but the client has gone");
        return false;
    }
    const bool right = command() == name && (!check || check(arguments()));
    if (!right) state_.fail("expected " + name + ", got " + request_.dump());
    return right;
}

bool FakeQemu::Player::expect_raw(const std::string& bytes) {
    while (buffer_.size() < bytes.size()) {
        if (!read_more()) break;
    }
    if (!buffer_.starts_with(bytes)) {
        state_.fail("expected the bytes '" + bytes + "', got '" + buffer_ + "'");
        return false;
    }
    buffer_.erase(0, bytes.size());
    return true;
}

bool FakeQemu::Player::stall() {
    const bool released = wait_for(state_.released.get());
    uint64_t count = 0;
    return released && ::read(state_.released.get(), &count, sizeof count) == sizeof count;
}

bool FakeQemu::Player::close() {
    const std::lock_guard lock(state_.mutex);
    state_.client = -1;
    client_.reset();
    return false;
}

bool FakeQemu::Player::send(const std::string& bytes) {
    try {
        send_all(client_.get(), bytes, soon());
        return true;
    } catch (const std::exception&) {
        return false;  // the client has gone, which is its right
    }
}

bool FakeQemu::Player::next_request() {
    for (;;) {
        if (const auto text = take_object(buffer_)) {
            request_ = parse_json(*text);
            const std::lock_guard lock(state_.mutex);
            state_.received.push_back(request_);
            state_.changed.notify_all();
            return true;
        }
        if (!read_more()) return false;
    }
}

bool FakeQemu::Player::read_more() {
    if (!wait_for(client_.get())) return false;
    auto received = receive(client_.get(), soon());
    if (!received || received->bytes.empty()) return false;
    buffer_ += received->bytes;
    const std::lock_guard lock(state_.mutex);
    for (FileDescriptor& fd : received->fds) state_.fds.push_back(std::move(fd));
    return true;
}

bool FakeQemu::Player::wait_for(int fd, int timeout_ms) {
    pollfd entries[] = {{fd, POLLIN, 0}, {state_.stop.get(), POLLIN, 0}};
    state_.awaited = fd;
    const bool readable = ::poll(entries, 2, timeout_ms) > 0 && entries[1].revents == 0;
    state_.awaited = -1;
    return readable;
}

bool FakeQemu::Player::pause(std::chrono::milliseconds delay) {
    pollfd stop{state_.stop.get(), POLLIN, 0};
    return ::poll(&stop, 1, static_cast<int>(delay.count())) == 0;
}

std::string FakeQemu::Player::command() const {
    json name = member(request_, "execute");
    if (name.is_null()) name = member(request_, "exec-oob");
    return name.is_string() ? name.get<std::string>() : "";
}

json FakeQemu::Player::arguments() const {
    const json given = member(request_, "arguments");
    return given.is_null() ? json::object() : given;
}

}  // namespace ivshmemd::test
