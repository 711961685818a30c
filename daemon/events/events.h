#pragma once

#include <functional>
#include <list>
#include <optional>
#include <string>

namespace ivshmemd {

enum class EventKind {
    vm_state,         // a VM's connection changed
    attaching,        // a request started
    attached,         // QEMU has the device
    attach_doubtful,  // QEMU has it, and something is wrong with it
    detaching,        // the guest was asked to let it go
    detached,         // device and backend are gone
    detach_refused,   // the guest will not let it go
    vanished,         // gone unasked
    leaked,           // something of ours cannot be deleted
    server_lost,      // the doorbell server is gone
    declared_failed,  // a device is not as the configuration declares it
    migration,        // a migration changed state
    lagged,           // the subscriber was too slow and misses events
};

/// The API's name, e.g. "vmState".
std::string_view event_name(EventKind kind);

struct Event {
    EventKind kind = EventKind::vm_state;
    std::string vm;
    std::optional<std::string> device;
    std::string detail;
    std::string region{};  // that the device maps; empty where unknown, for the log only
};

/// Tells everyone who wants to know. Handlers run at once and must neither wait nor throw.
class Events {
  public:
    using Handler = std::function<void(const Event&)>;

    /// Unsubscribes when it goes.
    class Subscription {
      public:
        Subscription(Events* events, std::list<Handler>::iterator place)
            : events_(events), place_(place) {}
        Subscription(const Subscription&) = delete;
        Subscription& operator=(const Subscription&) = delete;
        ~Subscription() { events_->handlers_.erase(place_); }

      private:
        Events* events_;
        std::list<Handler>::iterator place_;
    };

    [[nodiscard]] Subscription subscribe(Handler handler) {
        return {this, handlers_.insert(handlers_.end(), std::move(handler))};
    }

    void publish(const Event& event) const {
        for (const Handler& handler : handlers_) handler(event);
    }

  private:
    std::list<Handler> handlers_;
};

}  // namespace ivshmemd
