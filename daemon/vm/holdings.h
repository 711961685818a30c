#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/inventory.h"
#include "lib/placement.h"
#include "lib/plan.h"

namespace ivshmemd {

/// What one QEMU holds, as it was last read and changed since.
///
/// Invariants:
///  - Each change bumps the generation. A reading is applied only when nothing changed since it
///    began, so that an older one never replaces what is newer.
///  - A slot that a device left rests for `slot_rest`, whoever saw it leave, unless Notices tell
///    that its guest has nothing left to do there.
///  - A device that a reading no longer shows stays in the inventory until forget_device(): QEMU
///    lets go of its backend only with its DEVICE_DELETED, and until then no successor of its name
///    may come.
///
/// Does no I/O; all times are passed in, on the steady clock.
class Holdings {
  public:
    using Time = std::chrono::steady_clock::time_point;

    const Inventory& inventory() const { return inventory_; }
    std::uint64_t generation() const { return generation_; }

    /// What a reading that began at generation `begun` shows. False: something changed meanwhile,
    /// and nothing is done. Otherwise missing() has the devices that it did not show.
    bool apply(Inventory reading, std::uint64_t begun, Time now);
    /// QOM paths of devices that the last reading did not show.
    const std::vector<std::string>& missing() const { return missing_; }

    /// A device of ours that QEMU just accepted.
    void add_device(const DeviceSpec& spec, const Parts& parts, Time now);
    /// Tells a device of ours from a later one of its name; 0 for one that was not added here.
    std::uint64_t birth_of(const std::string& qom_path) const;
    /// Since when a device is known to be there; now for one that is not.
    Time seen_since(const std::string& qom_path, Time now) const;
    /// A device that is gone. One that is not known counts as a change all the same: a reading
    /// under way may still show it.
    /// `free`: its guest has nothing left to do there, so that it can be used before it has rested,
    /// after a reading that shows nothing new of others.
    enum class Slot { rests, free };
    void forget_device(const std::string& qom_path, Time now, Slot slot = Slot::rests);
    void forget_backend(const std::string& id);
    void forget_chardev(const std::string& id);
    /// Another QEMU process: it holds nothing of this one's.
    void start_afresh();

    /// A reading under way is old: something happened that only a later one shows.
    void expire() { ++generation_; }

    /// Another client's hotplug may have changed the slots.
    bool doubtful() const { return doubtful_; }
    void doubt() { doubtful_ = true; }

    /// Until then, memory of devices that left without our seeing it may linger in QEMU.
    Time unsettled_until() const { return unsettled_until_; }
    void unsettle(Time now) { unsettled_until_ = now + slot_rest; }

    /// Whether the last reading showed a slot taken by somebody else since the one before.
    bool has_newcomers() const { return newcomers_; }

    /// Slots that rest; `all`: also those that are free.
    std::vector<VacatedSlot> vacated(Time now, bool all = true) const;
    /// Where a device of this name was last.
    std::optional<Placement> last_place(const std::string& device) const;

  private:
    struct Vacated {
        Placement place;
        Time since;
        Slot slot;
    };

    void rest(Placement place, Time now, Slot slot = Slot::rests);
    void look_for_newcomers(const Inventory& before);
    void rest_vacated(const Inventory& before, Time now);

    Inventory inventory_;
    std::uint64_t generation_ = 0;
    bool doubtful_ = false;
    std::vector<std::string> missing_;
    bool newcomers_ = false;
    std::vector<Vacated> vacated_;
    std::map<std::string, Placement> last_places_;
    std::map<std::string, std::uint64_t> births_;  // by QOM path: the generation it came with
    std::map<std::string, Time> seen_;             // by QOM path: when it was first
    Time unsettled_until_;
};

}  // namespace ivshmemd
