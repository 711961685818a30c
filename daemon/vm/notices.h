#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace ivshmemd {

/// What the guest of one VM is told of its slots, and from that, whether a slot can be used again
/// as soon as its device has left.
///
/// A guest ejects by slot, not by device. One that is told twice to let a device go, because the
/// request was repeated or because something else came or went meanwhile, may eject a second time,
/// and that is the next device there. A guest that was asked once, with nothing else going on, and
/// let go promptly has nothing left to eject: in 200 such cycles each on QEMU 7.2, 10.0 and 11,
/// with guests whose processor was wanted by three others, no newcomer was lost. Whatever is not
/// known counts as told, also what was asked over an earlier connection.
///
/// Does no I/O; all times are passed in, on the steady clock.
class Notices {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// For so long before the request nothing else may have come or gone.
    static constexpr std::chrono::milliseconds calm{1000};
    /// From the request until the device has left.
    static constexpr std::chrono::milliseconds prompt{500};

    /// A device of ours has come over this connection.
    void added(const std::string& path) { ours_.insert(path); }
    /// A device comes or goes that nobody here has asked for.
    void hotplug(Time now) { disturb("", now); }
    /// A device_add is sent.
    void adding(Time now);
    /// A device_del is sent.
    void asked(const std::string& path, Time now);
    /// One of these is answered; "" for a device_add. What never is may be carried out at any time.
    void answered(const std::string& path, Time now);
    /// The device has left. Whether its slot can be used at once.
    bool left(const std::string& path, Time now);
    /// The guest was reset.
    void start_over(Time now);
    /// A new connection: what was asked before it is not known.
    void forget(Time now);

  private:
    struct Request {
        Time sent;
        bool alone = false;
    };

    void disturb(const std::string& by, Time now);

    std::map<std::string, Request> requests_;  // by QOM path
    std::set<std::string> ours_;               // devices that nobody can have asked for before
    std::optional<Time> last_;                 // when the guest was told of anything
    int unanswered_ = 0;
};

}  // namespace ivshmemd
