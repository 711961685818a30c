#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/base/gate.h"
#include "daemon/base/signal.h"
#include "daemon/config/config.h"
#include "daemon/host.h"
#include "daemon/qmp/session.h"
#include "daemon/vm/declared_state.h"
#include "daemon/vm/identity.h"
#include "daemon/vm/inventory_reader.h"
#include "daemon/vm/migration_state.h"
#include "lib/capabilities.h"
#include "lib/inventory.h"
#include "lib/placement.h"
#include "lib/plan.h"
#include "lib/saved_state.h"
#include "lib/vm_state.h"

namespace ivshmemd {

/// A removal the guest was asked for and has not completed.
struct Removal {
    bool remove_region = false;
    std::optional<std::string> refusal;  // the guest's word, once it refused
    SteadyClock::time_point again;       // when device_del may be repeated
    bool doubtful = false;               // QEMU may have forgotten the request
};

/// One VM as the daemon knows it: its connection, what its QEMU can do and holds, and what is going
/// on. The supervisor keeps it true; operations change it behind the gate; reads look at it any
/// time.
class Vm : public std::enable_shared_from_this<Vm> {
  public:
    Vm(Host& host, VmConfig config)
        : host_(host),
          config_(std::move(config)),
          gate_(host.executor),
          changed_(host.executor),
          retry_(host.executor) {}

    const std::string& name() const { return config_.name; }
    const VmConfig& config() const { return config_; }
    Host& host() const { return host_; }

    // One operation at a time, first come first served.
    Gate& gate() { return gate_; }
    // Whenever anything here changes.
    Signal& changed() { return changed_; }

    VmState state() const { return state_; }
    void set_state(VmState state);
    const std::optional<std::string>& last_error() const { return last_error_; }
    void set_last_error(std::optional<std::string> error) { last_error_ = std::move(error); }

    const std::string& run_state() const { return run_state_; }
    void set_run_state(const std::string& run_state);
    /// False while this daemon has never seen this QEMU in another state than before its first
    /// start.
    bool started() const { return started_; }

    /// Null unless a greeting was exchanged.
    const std::shared_ptr<qmp::Session>& session() const { return session_; }
    const std::optional<Capabilities>& capabilities() const { return capabilities_; }
    const Identity& identity() const { return identity_; }
    const std::string& uuid() const { return uuid_; }
    VmKey key() const { return {name(), uuid_, identity_.run}; }
    /// Whom regions are shared with.
    uid_t qemu_user() const { return config_.user.value_or(identity_.user); }

    /// Cuts the wait before the next attempt to connect short.
    void hurry() { retry_.notify_all(); }
    Signal& retry() { return retry_; }
    /// Attempts to connect that came to an end, good or bad.
    std::uint64_t attempts() const { return attempts_; }
    void end_attempt();

    /// The connection that is being made or used, for stop() to end it.
    void set_pending(std::shared_ptr<qmp::Session> session) { pending_ = std::move(session); }

    /// Ends the connection and keeps it ended; what is under way fails for this reason.
    void stop(const std::string& why);
    bool stopping() const { return stopping_; }
    /// Pauses; ends early only when the VM is stopped.
    awaitable<void> sleep_until(SteadyClock::time_point until);

    /// True while a re-reading for reads is under way.
    bool& refreshing() { return refreshing_; }

    /// VmUnavailable with the reason, or nothing when commands can be sent.
    std::optional<Error> unavailable() const;

    /// A new QEMU connection took over.
    void connect(std::shared_ptr<qmp::Session> session, Identity identity, std::string uuid,
                 Capabilities capabilities, Reading reading);
    /// The connection ended; devices stay as last known.
    void disconnect(std::string why);

    const Inventory& inventory() const { return inventory_; }
    /// Replaces the inventory by what was just read.
    void apply(Reading reading);
    /// A device of ours that QEMU just accepted.
    void add_device(const DeviceSpec& spec, const Parts& parts);
    /// A device that is gone: its slot rests from now on.
    void forget_device(const std::string& qom_path);
    void forget_backend(const std::string& id);
    void forget_chardev(const std::string& id);
    /// Called for a device that a reading shows as gone before its event came.
    std::function<void(const InventoryDevice&)> on_departing;
    bool departing(const std::string& qom_path) const { return departing_.contains(qom_path); }
    /// Tells one departure from a later one of the same path; 0 when there is none.
    std::uint64_t departure(const std::string& qom_path) const;
    /// Counts changes made here, so that a slower reading of an older state is not applied.
    std::uint64_t generation() const { return generation_; }
    /// Another client's hotplug may have changed the slots.
    bool doubtful() const { return doubtful_; }
    void doubt() { doubtful_ = true; }

    /// Until then, memory of devices that left without our seeing it may linger in QEMU.
    SteadyClock::time_point unsettled_until() const { return unsettled_until_; }
    void unsettle() { unsettled_until_ = SteadyClock::now() + slot_rest; }

    /// The file behind a device's memory; nothing when it has none, or none that can be told.
    std::optional<RegionIdentity> memory_of(const InventoryDevice& entry) const;

    std::vector<VacatedSlot> vacated() const;
    std::optional<Placement> last_place(const std::string& device) const;

    /// By QOM path.
    std::map<std::string, Removal>& removals() { return removals_; }
    /// QOM paths whose backend is being deleted after the device went.
    std::set<std::string>& cleaning() { return cleaning_; }
    /// The device a running attach is making.
    std::optional<DeviceSpec>& attaching() { return attaching_; }

    MigrationState& migration() { return migration_; }
    const MigrationState& migration() const { return migration_; }

    DeclaredState& declared() { return declared_; }
    const DeclaredState& declared() const { return declared_; }

    /// All devices for the API: what is there, being attached, and leaked.
    std::vector<Device> devices() const;
    std::optional<Device> device(const std::string& name) const;
    /// What a device will be that is not there yet.
    Device announced(const DeviceSpec& spec) const;

    void publish(EventKind kind, std::optional<std::string> device, std::string detail);

  private:
    void rest(Placement place);
    void keep_departing(const InventoryDevice& entry);
    Device view(const InventoryDevice& entry) const;
    void add_relay_facts(Device& device) const;
    void add_leaked(std::vector<Device>& devices) const;

    Host& host_;
    VmConfig config_;
    Gate gate_;
    Signal changed_;
    Signal retry_;
    std::uint64_t attempts_ = 0;
    bool stopping_ = false;
    bool refreshing_ = false;
    VmState state_ = VmState::connecting;
    std::optional<std::string> last_error_;
    std::string run_state_;
    bool started_ = false;
    std::shared_ptr<qmp::Session> session_;
    std::shared_ptr<qmp::Session> pending_;
    std::optional<Capabilities> capabilities_;
    Identity identity_;
    std::string uuid_;
    Inventory inventory_;
    std::uint64_t generation_ = 0;
    bool doubtful_ = false;
    std::vector<std::pair<Placement, SteadyClock::time_point>> vacated_;
    std::map<std::string, Placement> last_places_;
    std::map<std::string, Removal> removals_;
    std::set<std::string> cleaning_;
    std::map<std::string, std::uint64_t> departing_;  // with the number of the departure
    std::uint64_t departures_ = 0;
    SteadyClock::time_point unsettled_until_;
    std::optional<DeviceSpec> attaching_;
    MigrationState migration_;
    DeclaredState declared_;
};

}  // namespace ivshmemd
