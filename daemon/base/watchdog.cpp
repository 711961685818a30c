#include "daemon/base/watchdog.h"

#include <systemd/sd-daemon.h>

#include <cstdint>

#include "daemon/base/notify.h"

namespace ivshmemd {

void Watchdog::start() {
    std::uint64_t patience = 0;  // microseconds
    if (::sd_watchdog_enabled(0, &patience) <= 0) return;
    interval_ = std::chrono::microseconds(patience / 2);
    feed();
}

void Watchdog::stop() {
    interval_ = {};
    timer_.cancel();
}

void Watchdog::feed() {
    notify_watchdog();
    timer_.expires_after(interval_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error && interval_.count() > 0) feed();
    });
}

}  // namespace ivshmemd
