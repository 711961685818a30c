#include "tests/support/fake_qemu.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <nlohmann/json.hpp>

#include "tests/support/fake_qemu_player.h"
#include "tests/support/json_text.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

using nlohmann::json;

namespace {

void set(const FileDescriptor& event) {
    const uint64_t one = 1;
    if (::write(event.get(), &one, sizeof one) < 0) std::abort();  // an eventfd of ours
}

FileDescriptor new_event() {
    return FileDescriptor(::eventfd(0, EFD_CLOEXEC));
}

}  // namespace

FakeQemu::FakeQemu() : state_(std::make_unique<State>()) {
    state_->stop = new_event();
    state_->released = new_event();
    version(7, 2, 22);
    answer("qmp_capabilities", [](const json&) { return ok(json::object()); });
}

FakeQemu::~FakeQemu() {
    set(state_->stop);
    if (state_->thread.joinable()) state_->thread.join();
}

FakeQemu& FakeQemu::version(int major, int minor, int micro) {
    const json number{{"major", major}, {"minor", minor}, {"micro", micro}};
    json capabilities = json::array();
    if (major > 3) capabilities.push_back("oob");
    state_->greeting = {
        {"QMP",
         {{"version", {{"qemu", number}, {"package", ""}}}, {"capabilities", capabilities}}}};
    return *this;
}

FakeQemu& FakeQemu::step(std::function<bool(Player&)> step) {
    state_->script.push_back(std::move(step));
    return *this;
}

FakeQemu& FakeQemu::greet() {
    return step([this](Player& player) { return player.send_json(state_->greeting); });
}

FakeQemu& FakeQemu::handshake() {
    return greet().expect("qmp_capabilities").reply(json::object());
}

FakeQemu& FakeQemu::expect(const std::string& command, Check check) {
    return step([=](Player& player) { return player.expect(command, check); });
}

FakeQemu& FakeQemu::expect_raw(const std::string& bytes) {
    return step([=](Player& player) { return player.expect_raw(bytes); });
}

FakeQemu& FakeQemu::reply(const json& value) {
    return step([body = ok(value)](Player& player) { return player.reply(body); });
}

FakeQemu& FakeQemu::reply_error(const std::string& error_class, const std::string& description) {
    return step(
        [body = error(error_class, description)](Player& player) { return player.reply(body); });
}

FakeQemu& FakeQemu::inject(const std::string& bytes) {
    return step([=](Player& player) { return player.send(bytes); });
}

FakeQemu& FakeQemu::event(const std::string& name, const json& data) {
    return step([message = event_message(name, data)](Player& player) {
        return player.send_json(message);
    });
}

FakeQemu& FakeQemu::stall() {
    return step([](Player& player) { return player.stall(); });
}

FakeQemu& FakeQemu::close() {
    return step([](Player& player) { return player.close(); });
}

FakeQemu& FakeQemu::answer(const std::string& command, Handler handler,
                           std::chrono::milliseconds delay) {
    const std::lock_guard lock(state_->mutex);
    state_->rules[command] = {std::move(handler), delay};
    return *this;
}

FakeQemu& FakeQemu::replay(const std::filesystem::path& transcript, bool any_arguments) {
    state_->transcript.emplace(transcript);
    state_->greeting = state_->transcript->greeting();
    state_->any_arguments = any_arguments;
    return *this;
}

void FakeQemu::event_after_reply(const std::string& name, const json& data) {
    const std::lock_guard lock(state_->mutex);
    state_->after_reply.push_back(event_message(name, data));
}

json FakeQemu::event_message(const std::string& name, const json& data) {
    json message{{"event", name}, {"timestamp", {{"seconds", 1700000000}, {"microseconds", 0}}}};
    if (!data.is_null()) message["data"] = data;
    return message;
}

json FakeQemu::ok(const json& value) {
    return json::object({{"return", value}});
}

json FakeQemu::error(const std::string& error_class, const std::string& description) {
    return {{"error", {{"class", error_class}, {"desc", description}}}};
}

void FakeQemu::start(std::function<void(Player&)> body) {
    if (state_->thread.joinable()) throw std::logic_error("this fake has a client or a listener");
    state_->thread = std::thread([this, body = std::move(body)] {
        Player player(*state_);
        body(player);
    });
}

FileDescriptor FakeQemu::connect() {
    auto [client, server] = socket_pair();
    auto shared = std::make_shared<FileDescriptor>(std::move(server));
    start([shared](Player& player) { player.play(std::move(*shared)); });
    return std::move(client);
}

void FakeQemu::listen(const std::filesystem::path& socket) {
    auto shared = std::make_shared<FileDescriptor>(bind_unix(socket, SOCK_STREAM));
    start([shared](Player& player) { player.play_each(std::move(*shared)); });
}

void FakeQemu::release() {
    set(state_->released);
}

bool FakeQemu::send_event(const std::string& name, const json& data) {
    return send_bytes(event_message(name, data).dump() + "\r\n");
}

bool FakeQemu::send_bytes(const std::string& bytes) {
    const std::lock_guard lock(state_->mutex);
    if (state_->client < 0) return false;
    send_all(state_->client, bytes, soon());
    return true;
}

void FakeQemu::disconnect() {
    const std::lock_guard lock(state_->mutex);
    if (state_->client >= 0) ::shutdown(state_->client, SHUT_RDWR);
}

void FakeQemu::stop() {
    if (!state_->thread.joinable()) return;
    set(state_->stop);
    state_->thread.join();
    state_->stop = new_event();
    state_->released = new_event();
    const std::lock_guard lock(state_->mutex);
    state_->held = false;
}

bool FakeQemu::wait_received(const std::string& command, Deadline deadline, int count) {
    std::unique_lock lock(state_->mutex);
    const auto arrived = [&] {
        return std::count_if(state_->received.begin(), state_->received.end(), [&](const json& r) {
                   return member(r, "execute") == command || member(r, "exec-oob") == command;
               }) >= count;
    };
    return state_->changed.wait_until(lock, deadline.end(), arrived);
}

bool FakeQemu::wait_script_done(Deadline deadline, int clients) {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_until(lock, deadline.end(),
                                      [&] { return state_->scripts_done >= clients; });
}

std::vector<json> FakeQemu::received() const {
    const std::lock_guard lock(state_->mutex);
    return state_->received;
}

std::vector<std::string> FakeQemu::commands() const {
    std::vector<std::string> names;
    for (const json& request : received()) {
        const json name = member(request, request.contains("execute") ? "execute" : "exec-oob");
        names.push_back(name.is_string() ? name.get<std::string>() : "");
    }
    return names;
}

std::vector<FileDescriptor> FakeQemu::take_received_fds() {
    const std::lock_guard lock(state_->mutex);
    return std::exchange(state_->fds, {});
}

std::string FakeQemu::failure() const {
    const std::lock_guard lock(state_->mutex);
    return state_->failure;
}

}  // namespace ivshmemd::test
