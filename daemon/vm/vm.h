#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/base/chores.h"
#include "daemon/base/scope.h"
#include "daemon/base/signal.h"
#include "daemon/config/config.h"
#include "daemon/host.h"
#include "daemon/vm/declared_state.h"
#include "daemon/vm/departures.h"
#include "daemon/vm/holdings.h"
#include "daemon/vm/inventory_reader.h"
#include "daemon/vm/link.h"
#include "daemon/vm/migration_state.h"
#include "daemon/vm/notices.h"
#include "daemon/vm/turn.h"
#include "lib/saved_state.h"

namespace ivshmemd {

/// One VM as the daemon knows it: the connection to its QEMU (Link), what that QEMU holds
/// (Holdings), what is on its way out (Departures) and whose turn it is to change it (Turn). What
/// concerns several of them at once happens here, so that they never disagree. The supervisor keeps
/// it true; operations change it in their turn; reads look at it any time.
class Vm : public std::enable_shared_from_this<Vm>, public RegionSource {
  public:
    Vm(Host& host, VmConfig config);

    const std::string& name() const override { return config_.name; }
    const VmConfig& config() const { return config_; }
    Host& host() const { return host_; }
    VmKey key() const { return {name(), uuid(), link_.run()}; }

    /// Whenever anything here changes.
    Signal& changed() { return changed_; }
    Turn& turn() { return turn_; }
    const Turn& turn() const { return turn_; }
    /// Held by whoever looks which of QEMU's numbers are free, or occupies them: what one of them
    /// has QEMU hold for a moment is not free for good to another. Never across a guest's wait.
    awaitable<Gate::Pass> take_numbers() { return numbers_.enter(); }
    /// How often doorbells were parked.
    std::uint64_t parkings() const { return parkings_; }
    void count_parking() { ++parkings_; }
    /// Devices that have left this QEMU, and whose chardev may have stayed.
    void remember_parked(const std::string& device) { parked_.insert(device); }
    bool remembers_parked(const std::string& device) const { return parked_.contains(device); }
    Link& link() { return link_; }
    const Link& link() const { return link_; }
    const Holdings& holdings() const { return holdings_; }
    const Departures& departures() const { return departures_; }
    MigrationState& migration() { return migration_; }
    const MigrationState& migration() const { return migration_; }
    DeclaredState& declared() { return declared_; }
    const DeclaredState& declared() const { return declared_; }

    // What is asked of the parts most.
    VmState state() const { return link_.state(); }
    const std::optional<std::string>& last_error() const { return link_.last_error(); }
    const std::shared_ptr<qmp::Session>& session() const { return link_.session(); }
    const std::optional<Capabilities>& capabilities() const { return link_.capabilities(); }
    const Identity& identity() const { return link_.identity(); }
    const std::string& uuid() const override { return link_.uuid(); }
    const std::string& run_state() const { return link_.run_state(); }
    bool started() const { return link_.started(); }
    bool stopping() const { return link_.stopping(); }
    std::optional<Error> unavailable() const { return link_.unavailable(); }
    const Inventory& inventory() const { return holdings_.inventory(); }
    /// Whom regions are shared with.
    uid_t qemu_user() const { return config_.user.value_or(identity().user); }

    /// Starts what goes on in the background for this VM. Should anything escape it, the connection
    /// is made anew, and with it all that is known.
    void spawn(const std::string& task, awaitable<void> work) {
        scope_.spawn(task + " of VM " + name(), std::move(work));
    }
    /// What an event of QEMU sets off: a QEMU that floods its monitor makes one of each.
    Chores& chores() { return chores_; }
    /// Ends the connection and keeps it ended; what is under way fails for this reason.
    void stop(const std::string& why);
    /// Waits until nothing of it goes on any more: for a VM that was stopped.
    awaitable<void> ended();
    /// Says so to a successor of its name.
    void finish();
    bool over() const { return over_; }

    /// Pauses; ends early only when the VM is stopped.
    awaitable<void> sleep_until(SteadyClock::time_point until);

    /// A QEMU is known and can be worked with.
    void connect(std::shared_ptr<qmp::Session> session, Identity identity, std::string uuid,
                 Capabilities capabilities, Reading reading);
    /// The connection ended; devices stay as last known.
    void disconnect(std::string why);

    /// What a reading that began at generation `begun` shows. False, and nothing, when it is old
    /// already.
    bool apply(Reading reading, std::uint64_t begun);
    void follow_run_state(const std::string& run_state);
    /// A device of ours that QEMU just accepted.
    void add_device(const DeviceSpec& spec, const Parts& parts);
    void forget_backend(const std::string& id) { holdings_.forget_backend(id); }
    void forget_chardev(const std::string& id) { holdings_.forget_chardev(id); }
    /// Another client's hotplug may have changed the slots.
    void doubt() { holdings_.doubt(); }
    /// A reading under way is old: something happened that only a later one shows.
    void expire() { holdings_.expire(); }
    void overtake();  // both, and its guest was told of it
    void unsettle() { holdings_.unsettle(SteadyClock::now()); }
    std::vector<VacatedSlot> vacated(bool all = true) const;
    /// A reading for whoever asks now. One at a time: false while one is under way, which may have
    /// passed what is asked about, so that another one follows it.
    bool begin_refresh();
    /// Whether another one has begun that is to be carried out.
    bool end_refresh();
    bool refreshing() const { return refreshing_; }
    /// Since when, and its number.
    SteadyClock::time_point refresh_began() const { return refresh_began_; }
    std::uint64_t refresh_number() const { return refresh_number_; }
    /// The number of the one that whoever asked last waits for.
    std::uint64_t refresh_wanted() const { return refresh_number_ + (refresh_again_ ? 1 : 0); }

    /// A command is sent that the guest is told of, or is answered; see Notices.
    void told_guest(const Command& command, bool answered);
    // Departures; see there for their order.
    bool want_gone(const std::string& path, bool remove_region);
    /// Whether asking for its removal now would lose the request: then it is asked for later.
    bool hold_back(const std::string& path);
    /// The bus of a device; null when it is not known.
    const Bus* bus_of(const std::string& path) const;
    void resume_departure(const std::string& path, bool remove_region);
    void set_range(const std::string& path, std::optional<DescriptorRange> range);
    /// Nobody who wanted it out waits for that any more.
    void stop_waiting(const std::string& path) { departures_.stop_waiting(path); }
    void asking(const std::string& path) { departures_.asking(path); }
    void answered(const std::string& path);
    void refuse_departure(const std::string& path, std::string refusal);
    void withdraw_departure(const std::string& path);
    bool clear_away(const std::string& path);
    void heard_gone(const std::string& path);
    void look_again(const std::string& path);
    void relapse(const std::string& path, std::uint64_t number);
    void parked(const std::string& path);
    void start_departures_over();
    /// The end of a departure: the device is forgotten, and that is published once. `detail`: what
    /// else is to be said of it.
    void gone(const std::string& path, const std::string& detail);

    /// A doorbell that is on its way out, and that other descriptors must not meet; empty when
    /// there is none.
    std::string leaving_doorbell() const;
    /// What left while no daemon was connected has been parked. Until then, and whenever a doorbell
    /// has gone and is not parked yet, the VM's relays wait.
    void set_adopted(bool adopted);
    /// False where something of that may have to be parked yet.
    bool adopted() const { return adopted_ || !watches_doorbells(); }
    /// Whether the kernel takes this device's interrupts, so that QEMU watches none of its
    /// descriptors itself.
    bool has_kernel_interrupts(const DeviceSpec& spec) const;

    /// Whether QEMU maps the memory of this device: also while it still has to be taken back.
    bool maps(const InventoryDevice& entry) const;
    /// What a device's memory is.
    Mapping memory_of(const InventoryDevice& entry) const;

    // As a user of regions
    Sight sight() const override;
    std::vector<MemoryUser> memory_users() const override;
    std::optional<MemoryUser> coming() const override;
    bool holds_for_migration() const override;
    bool awaits_migration() const override;

    /// All devices for the API: what is there, being attached, and leaked.
    std::vector<Device> devices() const;
    std::optional<Device> device(const std::string& name) const;
    /// What a device will be that is not there yet.
    Device announced(const DeviceSpec& spec) const;

    void publish(EventKind kind, std::optional<std::string> device, std::string detail);

  private:
    void recover(const std::string& task);
    void take_in(Reading reading, std::uint64_t begun);
    int pace_of(const std::string& path) const;
    void departures_changed();
    bool has_unparked_doorbell() const;
    bool is_watched_doorbell(const std::string& path) const;
    bool watches_doorbells() const;
    Device view(const InventoryDevice& entry) const;
    void add_relay_facts(Device& device) const;
    void add_leaked(std::vector<Device>& devices) const;

    Host& host_;
    VmConfig config_;
    Signal changed_;
    Link link_;
    Holdings holdings_;
    Departures departures_;
    Notices notices_;
    Turn turn_;
    Gate numbers_;
    std::uint64_t parkings_ = 0;
    std::set<std::string> parked_;
    bool refreshing_ = false;
    bool refresh_again_ = false;
    std::uint64_t refresh_number_ = 0;
    SteadyClock::time_point refresh_began_;
    bool over_ = false;
    bool adopted_ = false;
    MigrationState migration_;
    DeclaredState declared_;
    Chores chores_;
    Scope scope_;
};

}  // namespace ivshmemd
