#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "daemon/libvirt/failure.h"
#include "daemon/libvirt/handles.h"

namespace ivshmemd::libvirt {

/// A domain while it runs. Another run of it has another number.
struct RunningDomain {
    std::string name;
    std::string uuid;
    int number = 0;

    bool is_same_run(const RunningDomain& other) const {
        return uuid == other.uuid && number == other.number && name == other.name;
    }
};

/// An event of a domain's QEMU.
struct MonitorEvent {
    std::string uuid;
    std::string name;
    long long seconds = 0;
    unsigned microseconds = 0;
    std::string details;  // JSON, or empty
};

/// Starts the thread in which libvirt's events arrive. Once, before any connection.
void start_event_thread();

/// The connection over which libvirt tells what happens to domains. Every member may wait for
/// libvirtd.
class Connection {
  public:
    /// All of these are called in the thread of the events.
    struct Handlers {
        std::function<void()> domains_changed;
        std::function<void(MonitorEvent)> event;
        std::function<void(std::string why)> closed;
    };

    static std::variant<std::shared_ptr<Connection>, Failure> open(const std::string& uri,
                                                                   Handlers handlers);

    /// Those that run now.
    std::variant<std::vector<RunningDomain>, Failure> domains() const;

    /// e.g. 9000000 for 9.0.0
    unsigned long version() const { return version_; }

  private:
    Connection(ConnectionHandle handle, std::shared_ptr<Handlers> handlers)
        : handle_(std::move(handle)), handlers_(std::move(handlers)) {}

    bool subscribe();

    ConnectionHandle handle_;
    std::shared_ptr<Handlers> handlers_;
    unsigned long version_ = 0;
};

/// Of the call that failed last in this thread.
Failure last_failure();

}  // namespace ivshmemd::libvirt
