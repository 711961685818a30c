#pragma once

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>

namespace ivshmemd {

/// The clock of the daemon's deadlines and pauses: the host's steady one, whose time points it
/// shares, unless a test owns the time.
class SteadyClock {
  public:
    using duration = std::chrono::steady_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr bool is_steady = true;

    static time_point now() noexcept {
        const rep owned = owned_.load(std::memory_order_relaxed);
        return owned == 0 ? std::chrono::steady_clock::now() : time_point(duration(owned));
    }

    /// From now on it is that late, until told otherwise; never earlier than before.
    static void own(time_point now) noexcept { owned_ = now.time_since_epoch().count(); }
    static void give_back() noexcept { owned_ = 0; }

  private:
    static inline std::atomic<rep> owned_ = 0;  // other threads read the clock too
};

/// A timer by this clock.
using Timer = boost::asio::basic_waitable_timer<SteadyClock, boost::asio::wait_traits<SteadyClock>,
                                                boost::asio::io_context::executor_type>;

}  // namespace ivshmemd
