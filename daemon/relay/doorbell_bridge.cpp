#include "daemon/relay/doorbell_bridge.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>

namespace ivshmemd {
namespace {

void stop_blocking(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

std::shared_ptr<DoorbellBridge> DoorbellBridge::build(const Executor& executor, UniqueFd from,
                                                      UniqueFd to) {
    auto bridge = std::make_shared<DoorbellBridge>(executor, std::move(from), std::move(to));
    bridge->self_ = bridge;
    bridge->wait();
    return bridge;
}

DoorbellBridge::DoorbellBridge(const Executor& executor, UniqueFd from, UniqueFd to)
    : from_(executor), to_(std::move(to)) {
    stop_blocking(from.get());
    stop_blocking(to_.get());
    from_.assign(from.release());
}

void DoorbellBridge::wait() {
    from_.async_wait(Descriptor::wait_read, [weak = self_](const boost::system::error_code& error) {
        const auto bridge = weak.lock();
        if (!error && bridge) bridge->carry();
    });
}

void DoorbellBridge::carry() {
    std::uint64_t rings = 0;
    const bool rung = ::read(from_.native_handle(), &rings, sizeof rings) == sizeof rings;
    const std::uint64_t one = 1;  // an eventfd that is full is rung already
    if (rung) [[maybe_unused]]
        const ssize_t ignored = ::write(to_.get(), &one, sizeof one);
    wait();
}

}  // namespace ivshmemd
