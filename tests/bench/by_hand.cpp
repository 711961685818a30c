#include "tests/bench/by_hand.h"

#include <poll.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/unix_socket.h"

namespace ivshmemd::bench {

using nlohmann::json;

ByHand::ByHand(const std::vector<std::filesystem::path>& monitors) {
    for (const std::filesystem::path& each : monitors) {
        monitors_.emplace_back().fd = test::connect_unix(each, test::soon());
        send(monitors_.back(), json({{"execute", "qmp_capabilities"}}).dump(), 1);
    }
    while (wait()) continue;
}

void ByHand::run(const std::vector<Script>& scripts) {
    for (std::size_t i = 0; i < monitors_.size(); ++i) {
        monitors_[i].began_rest = false;
        send(monitors_[i], scripts[i].first.dump(), 1);
    }
    while (wait()) {
        for (std::size_t i = 0; i < monitors_.size(); ++i) {
            if (monitors_[i].missing > 0 || monitors_[i].began_rest) continue;
            std::string rest;
            for (const json& command : scripts[i].then) rest += command.dump();
            monitors_[i].began_rest = true;
            send(monitors_[i], rest, scripts[i].then.size());
        }
    }
}

void ByHand::send(Monitor& monitor, const std::string& text, std::size_t answers) {
    test::send_all(monitor.fd.get(), text, test::soon());
    monitor.missing = answers;
}

void ByHand::receive(Monitor& monitor) {
    const auto received = test::receive(monitor.fd.get(), test::soon());
    if (!received || received->bytes.empty()) throw std::runtime_error("a monitor is gone");
    monitor.unread += received->bytes;
    for (std::size_t end; (end = monitor.unread.find('\n')) != std::string::npos;) {
        const json message(json::parse(monitor.unread.substr(0, end)));
        monitor.unread.erase(0, end + 1);
        if (message.contains("error")) throw std::runtime_error(message.dump());
        if (message.contains("return")) --monitor.missing;
    }
}

// False when there is nothing to be waited for.
bool ByHand::wait() {
    std::vector<pollfd> polled;
    for (const Monitor& each : monitors_) {
        polled.push_back({each.missing > 0 ? each.fd.get() : -1, POLLIN, 0});
    }
    const bool any = std::any_of(monitors_.begin(), monitors_.end(),
                                 [](const Monitor& each) { return each.missing > 0; });
    if (!any) return false;
    if (::poll(polled.data(), polled.size(), test::soon().remaining_ms()) <= 0) {
        throw std::runtime_error("a monitor is silent");
    }
    for (std::size_t i = 0; i < monitors_.size(); ++i) {
        if ((polled[i].revents & (POLLIN | POLLHUP)) != 0) receive(monitors_[i]);
    }
    return true;
}

}  // namespace ivshmemd::bench
