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
    alarm_ = Alarm();
}

void Watchdog::feed() {
    tell_manager("WATCHDOG=1");
    alarm_ = Alarm(executor_, SteadyClock::now() + interval_, [this] { feed(); });
}

}  // namespace ivshmemd
