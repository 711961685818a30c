#include "tests/daemon/fake_descriptors.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

constexpr int first_number = 10;  // standard streams, monitors, the event loop's own
constexpr std::size_t message_bytes = 8;
constexpr int handshake_messages = 3;

std::string vector_owner(const std::string& device) {
    return "vectors of " + device;
}

std::string other_owner(const std::string& device) {
    return "memory and peers of " + device;
}

}  // namespace

FakeDescriptors::~FakeDescriptors() {
    for (Reader& reader : readers_) end(reader);
}

void FakeDescriptors::end(Reader& reader) {
    const std::uint64_t one = 1;
    if (::write(reader.stop.get(), &one, sizeof one) < 0) std::abort();  // an eventfd of ours
    reader.thread.join();
}

void FakeDescriptors::start_over() {
    for (Reader& reader : readers_) end(reader);
    readers_.clear();
    const std::lock_guard lock(mutex_);
    used_.clear();
    watched_.clear();
    passed_ = 0;
}

bool FakeDescriptors::is_idle() const {
    return std::all_of(readers_.begin(), readers_.end(), [](const Reader& reader) {
        pollfd entry{reader.relay.get(), POLLIN, 0};
        return reader.over || (reader.waits && ::poll(&entry, 1, 0) == 0);
    });
}

int FakeDescriptors::take(const std::string& owner, bool harmless) {
    const std::lock_guard lock(mutex_);
    return take_locked(owner, harmless);
}

int FakeDescriptors::take_locked(const std::string& owner, bool harmless) {
    int number = first_number;
    while (used_.contains(number)) ++number;
    if (number >= limit) return -1;
    used_[number] = owner;
    if (watched_.contains(number) && !harmless) {
        failure_ += owner + " got number " + std::to_string(number) + ", which QEMU watches\n";
    }
    return number;
}

void FakeDescriptors::give(const std::string& owner, int number, const std::string& other) {
    const std::lock_guard lock(mutex_);
    for (auto& [each, its_owner] : used_) {
        if (its_owner == owner && (number < 0 || number == each)) its_owner = other;
    }
}

void FakeDescriptors::free(const std::string& owner) {
    const std::lock_guard lock(mutex_);
    std::erase_if(used_, [&](const auto& each) { return each.second == owner; });
}

void FakeDescriptors::connect(const std::string& device, FileDescriptor relay,
                              const std::string& owner) {
    Reader& reader = readers_.emplace_back();
    reader.device = device;
    reader.owner = owner;
    reader.relay = std::move(relay);
    reader.stop = FileDescriptor(::eventfd(0, EFD_CLOEXEC));
    {
        const std::lock_guard lock(mutex_);
        passed_ = 0;
    }
    if (!reader.stop) {  // out of descriptors
        readers_.pop_back();
        return;
    }
    reader.thread = std::thread([this, &reader] {
        read(reader);
        reader.over = true;
    });
}

// Messages of eight bytes: version, own id, memory, then (id, descriptor) for each vector of a
// peer.
void FakeDescriptors::read(Reader& reader) {
    std::int64_t own_id = -1;
    for (int messages = 0;; ++messages) {
        pollfd entries[] = {{reader.relay.get(), POLLIN, 0}, {reader.stop.get(), POLLIN, 0}};
        reader.waits = true;
        if (::poll(entries, 2, -1) < 0 || entries[1].revents != 0) return;
        reader.waits = false;
        const auto received = receive(reader.relay.get(), soon(), message_bytes);
        if (!received || received->bytes.size() != message_bytes) {
            free(reader.owner);
            return;
        }
        std::int64_t number = 0;
        std::memcpy(&number, received->bytes.data(), message_bytes);
        if (messages == 1) own_id = number;
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < received->fds.size(); ++i) {
            const bool vector = messages >= handshake_messages && number == own_id;
            take_locked(vector ? vector_owner(reader.device) : other_owner(reader.device), false);
            ++passed_;
        }
    }
}

void FakeDescriptors::disconnect(const std::string& device) {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, owner] : used_) {
        if (owner == vector_owner(device)) watched_.insert(number);
    }
    std::erase_if(used_, [&](const auto& each) {
        return each.second == vector_owner(device) || each.second == other_owner(device);
    });
}

void FakeDescriptors::hang_up(const std::string& device) {
    const auto found = std::find_if(readers_.begin(), readers_.end(),
                                    [&](const Reader& each) { return each.device == device; });
    if (found == readers_.end()) return;
    end(*found);
    readers_.erase(found);
}

std::size_t FakeDescriptors::passed() const {
    const std::lock_guard lock(mutex_);
    return passed_;
}

std::set<int> FakeDescriptors::exposed() const {
    const std::lock_guard lock(mutex_);
    std::set<int> exposed;
    for (const int number : watched_) {
        if (!used_.contains(number)) exposed.insert(number);
    }
    return exposed;
}

int FakeDescriptors::lowest_free() const {
    const std::lock_guard lock(mutex_);
    int number = first_number;
    while (used_.contains(number)) ++number;
    return number;
}

int FakeDescriptors::lowest_watched() const {
    const std::lock_guard lock(mutex_);
    return watched_.empty() ? limit : *watched_.begin();
}

std::string FakeDescriptors::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

std::size_t FakeDescriptors::in_use() const {
    const std::lock_guard lock(mutex_);
    return used_.size();
}

}  // namespace ivshmemd::test
