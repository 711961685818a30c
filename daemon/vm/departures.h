#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/deadlines.h"
#include "lib/descriptor_range.h"

// How a device leaves
//
// A guest is asked to let a device go (device_del) and does so when it pleases: at once, after a
// reset, with the next hotplug of anything else, or never. QEMU answers the request before anything
// has happened, and may lose it: before the guest has its hotplug driver, while a slot's power
// indicator blinks, at a reset. So a request that stands unanswered is repeated, as long as the VM
// runs, by a schedule that begins anew with every Detach, reset and reconnection and becomes slower
// with time. A repetition does no harm: the slot that it may eject late rests (Notices, Holdings).
//
// That the device is gone can be learnt in four ways: by DEVICE_DELETED; by a reading that no
// longer shows it; by both, some milliseconds apart, in this order: reading, event; and after the
// connection was lost, by a reading alone, when the event came to nobody. QEMU lets go of the
// backend only with the event. So a device that a reading misses has `left`, and is cleared away at
// its event, or when patience with that runs out. An event may be late and mean an earlier device
// of the same path: whoever hears it asks QOM before calling clear().
//
// What a device leaves behind, its backend, chardev, descriptors and perhaps its region, is cleared
// away once, by whoever clear() told so; then gone() ends the story, and whoever waited for it is
// told apart from those who wait for a later device of the same path by the departure's number.
namespace ivshmemd {

/// One device on its way out.
struct Departure {
    using Time = std::chrono::steady_clock::time_point;

    enum class Phase {
        wanted,    // its guest was asked, or is to be
        refused,   // its guest or QEMU said no; the next Detach starts anew
        left,      // a reading missed it, and its event is awaited
        clearing,  // gone for good: what it leaves is being cleared away
    };

    Phase phase = Phase::wanted;
    std::uint64_t number = 0;    // tells it from a later one of the same path
    bool asked_for = false;      // or it left by itself
    bool remove_region = false;  // its region goes with it
    bool awaited = false;        // somebody may be waiting for it, and is told what comes of it
    bool in_calm = false;        // the guest has nothing left to do in its slot; see Notices
    bool parked = false;         // nothing of it is left that other descriptors could meet
    std::optional<DescriptorRange> range;  // of a doorbell: has the numbers of its descriptors
    std::string refusal;                   // phase refused: in whose words, and why
    int asked = 0;                         // times device_del was sent since the schedule began
    int pace = 1;                          // how many times longer than usual the intervals are
    bool asking = false;                   // one is on its way
    Time since;                            // when it was wanted first, by this daemon
    Time again;                            // phase wanted: when it may be sent again
    Time patience;                         // phase left: when the event is given up
};

/// All departures of one VM, by QOM path. Does no I/O: time is passed in, and next() says what to
/// do.
///
/// Invariants: an entry is there only while Holdings of the same QEMU process have its device;
/// reconcile() after every reading is the only place that learns of one from a reading; gone() is
/// the only way out for a single one.
class Departures {
  public:
    using Time = Departure::Time;

    explicit Departures(const Deadlines& deadlines) : deadlines_(deadlines) {}

    /// A Detach wants the device out. True: the caller is to send device_del now, and to call
    /// asking() before and answered() or refuse() after it.
    bool want(const std::string& path, bool remove_region, Time now);
    /// It was wanted by an earlier daemon: asked again soon.
    void resume(const std::string& path, bool remove_region, Time now);

    void set_range(const std::string& path, std::optional<DescriptorRange> range);
    /// Its guest needs time for a request, and would take another one meanwhile for its opposite.
    void set_pace(const std::string& path, int pace, Time now);
    /// It was not asked for yet, and is not to be before then.
    void postpone(const std::string& path, Time until);
    void asking(const std::string& path);
    /// QEMU took the request, did not answer it, or has no time for it: it stands.
    void answered(const std::string& path, Time now);
    void refuse(const std::string& path, std::string refusal);
    /// It did not get so far that anything was asked.
    void withdraw(const std::string& path);

    /// `there`: what a reading showed; `missing`: what it did not, but holdings keep.
    void reconcile(const std::set<std::string>& there, const std::vector<std::string>& missing,
                   Time now);
    /// A device is gone for good. True: the caller is to clear away what it leaves, and to call
    /// gone() then. False: somebody does so already.
    bool clear(const std::string& path);
    /// It is said to be gone, and QOM could not be asked: to be looked at again.
    void heard(const std::string& path, Time now);
    /// A look, at the end of patience, found that QOM has it still, or found out nothing.
    void look_again(const std::string& path, Time now);
    void left_in_calm(const std::string& path, bool in_calm);
    /// One who waited gives up: should others wait still, the region is tried for all the same.
    void stop_waiting(const std::string& path);
    void parked(const std::string& path);
    /// Clearing away came to nothing; it is to be begun again.
    void relapse(const std::string& path, std::uint64_t number, Time now);
    void gone(const std::string& path) { departures_.erase(path); }

    /// The guest was reset, or the connection is a new one: what was asked may be forgotten.
    void start_over(Time now);
    /// Another QEMU process: it has none of these devices.
    void forget() { departures_.clear(); }

    struct Next {
        enum class What {
            nothing,  // before `until`, unless something happens
            ask,      // send device_del again
            look,     // patience has run out: clear() if QOM has no such device
        };
        What what = What::nothing;
        std::string path;
        Time until = Time::max();
    };
    /// `may_ask`: the guest runs and hotplug is possible.
    Next next(Time now, bool may_ask) const;

    /// Null when the device is not on its way out.
    const Departure* find(const std::string& path) const;
    const std::map<std::string, Departure>& all() const { return departures_; }
    /// Whether the device is to be shown as leaving.
    bool leaving(const std::string& path) const;
    bool clearing() const;

  private:
    Departure& begin(const std::string& path, Departure::Phase phase);
    Departure* known(const std::string& path);
    std::chrono::milliseconds interval(const Departure& departure) const;

    const Deadlines& deadlines_;
    std::map<std::string, Departure> departures_;
    std::uint64_t last_number_ = 0;
};

}  // namespace ivshmemd
