#include "daemon/relay/relays.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "daemon/base/fd_passing.h"
#include "daemon/base/log.h"

namespace ivshmemd {
namespace {

// How long the service manager may take to keep what it is given.
constexpr Milliseconds manager_patience{2000};

// Writes what QEMU waits for inside device_add. 24 bytes and a descriptor: a new socket takes them.
bool write_handshake(int socket, const ServerConnection& server) {
    const std::array<std::pair<std::int64_t, int>, 3> messages{
        std::pair{doorbell::protocol_version, -1}, std::pair{std::int64_t{server.id}, -1},
        std::pair{doorbell::memory_number, server.memory.get()}};
    for (const auto& [number, fd] : messages) {
        const doorbell::MessageBytes bytes = doorbell::encode(number);
        const ssize_t sent = send_with_fd(socket, {bytes.data(), bytes.size()}, fd);
        if (sent != static_cast<ssize_t>(bytes.size())) return false;
    }
    return true;
}

}  // namespace

void Relays::adopt(std::map<std::string, UniqueFd> kept) {
    for (auto& [name, qemu] : kept) {
        const std::optional<Key> key = relay_of_kept(name);
        if (!key) continue;
        const auto server = kept.find(kept_server_end(*key));
        if (server == kept.end()) {
            discard(*key);  // its server ended while no daemon looked
            continue;
        }
        entries_[*key].relay =
            std::make_shared<Relay>(executor_, std::move(server->second), std::move(qemu),
                                    std::deque<ServerMessage>(), std::nullopt);
        log_info({key->first, ": ", key->second, " is connected to its server again"},
                 {{"VM", key->first}});
    }
    for (const auto& [name, fd] : kept) {
        if (fd) manager_.post(discard_notice(name));  // its other end is gone
    }
}

void Relays::discard(const Key& key) {
    manager_.post(discard_notice(kept_qemu_end(key)));
    manager_.post(discard_notice(kept_server_end(key)));
}

// False when the service manager does not take both.
awaitable<bool> Relays::store(Key key, int qemu, int server) {
    const SteadyClock::time_point until = SteadyClock::now() + manager_patience;
    const std::string ours = keep_notice(kept_qemu_end(key));
    const std::string theirs = keep_notice(kept_server_end(key));
    if (!co_await manager_.deliver(ours, qemu, until)) co_return false;
    if (co_await manager_.deliver(theirs, server, until)) co_return true;
    discard(key);
    co_return false;
}

awaitable<Result<UniqueFd>> Relays::prepare(std::string vm, std::string device,
                                            std::shared_ptr<ServerConnection> server) {
    drop(vm, device);
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        co_return Error(ErrorKind::internal, std::string("socketpair: ") + std::strerror(errno));
    }
    UniqueFd ours(ends[0]);
    UniqueFd theirs(ends[1]);
    if (!write_handshake(ours.get(), *server)) {
        co_return Error(ErrorKind::internal, std::string("relay: ") + std::strerror(errno));
    }
    // Before QEMU has the other end: were this daemon to die with the only copy of ours while QEMU
    // reads its handshake, QEMU would hang.
    const bool stored = co_await store({vm, device}, ours.get(), server->socket.get());
    if (!stored) {
        co_return Error(ErrorKind::internal,
                        "the service manager does not take the descriptors that connect " + device +
                            " to its server; without them a restart of ivshmemd would cut it off. "
                            "Nothing has changed; try again once 'systemctl status' answers");
    }
    entries_[{vm, device}] = {
        std::make_shared<Relay>(executor_, std::move(server->socket), std::move(ours),
                                std::move(server->announced), server->vectors),
        Memory{server->file, server->sealed}};
    co_return theirs;
}

void Relays::hold_back(const std::string& vm, bool held) {
    const bool changed = held ? held_back_.insert(vm).second : held_back_.erase(vm) > 0;
    if (!changed) return;
    for (const auto& [key, entry] : entries_) {
        if (key.first == vm && entry.relay) entry.relay->hold_back(held);
    }
}

void Relays::run(const Key& key, Relay& relay, AskRoom ask) {
    relay.hold_back(held_back_.contains(key.first));
    const auto crowded = [key] {
        log_warning(
            {key.first, ": QEMU has no descriptors free for peers that joined the server of ",
             key.second, "; it is told of them once it has"},
            {{"VM", key.first}});
    };
    relay.start(scope_, std::move(ask), crowded,
                [this, key](const std::string& why) { ended(key, why); });
}

void Relays::start(const std::string& vm, const std::string& device, AskRoom ask) {
    const auto found = entries_.find({vm, device});
    if (found == entries_.end() || !found->second.relay) return;
    run(found->first, *found->second.relay, std::move(ask));
}

void Relays::ended(const Key& key, const std::string& why) {
    discard(key);
    const auto found = entries_.find(key);
    if (found != entries_.end() && found->second.relay) {
        found->second.passed = found->second.relay->passed();
        found->second.relay.reset();
    }
    if (!why.empty()) lost_(key.first, key.second, why);
}

void Relays::drop(const std::string& vm, const std::string& device) {
    const auto found = entries_.find({vm, device});
    if (found == entries_.end()) return;
    if (found->second.relay) {
        found->second.relay->stop();
        discard(found->first);
    }
    entries_.erase(found);
}

void Relays::leave() {
    scope_.close();
    for (const auto& [key, entry] : entries_) {
        if (entry.relay) entry.relay->leave();
    }
}

bool Relays::connected(const std::string& vm, const std::string& device) const {
    const auto found = entries_.find({vm, device});
    return found != entries_.end() && found->second.relay;
}

std::optional<Relays::Memory> Relays::memory(const std::string& vm,
                                             const std::string& device) const {
    const auto found = entries_.find({vm, device});
    return found == entries_.end() ? std::nullopt : found->second.memory;
}

std::size_t Relays::passed(const std::string& vm, const std::string& device) const {
    const auto found = entries_.find({vm, device});
    if (found == entries_.end()) return 0;
    return found->second.relay ? found->second.relay->passed() : found->second.passed;
}

std::size_t Relays::outstanding(const std::string& vm) const {
    std::size_t count = 0;
    for (const auto& [key, entry] : entries_) {
        if (key.first == vm && entry.relay) count += entry.relay->outstanding();
    }
    return count;
}

std::size_t Relays::crowded_out(const std::string& vm, const std::string& device) const {
    const auto found = entries_.find({vm, device});
    if (found == entries_.end() || !found->second.relay) return 0;
    return found->second.relay->crowded_out();
}

bool Relays::delivered(const std::string& vm, const std::string& device) const {
    const auto found = entries_.find({vm, device});
    return found == entries_.end() || !found->second.relay || found->second.relay->delivered();
}

std::vector<std::string> Relays::devices(const std::string& vm) const {
    std::vector<std::string> devices;
    for (const auto& [key, entry] : entries_) {
        if (key.first == vm) devices.push_back(key.second);
    }
    return devices;
}

}  // namespace ivshmemd
