#include "daemon/detach/removal.h"

#include <algorithm>

#include "daemon/base/log.h"
#include "daemon/detach/parking.h"
#include "daemon/state/regions.h"
#include "daemon/state/removals.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/region_removal.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

// Between two attempts to park, of which one costs at least a deadline.
constexpr Milliseconds parking_pause{1000};

/// One departure that is being cleared away. Unless it is over by then, its end makes that begin
/// anew: after an exception, or over the next connection.
class Clearing {
  public:
    Clearing(std::shared_ptr<Vm> vm, const std::string& path)
        : vm_(std::move(vm)), path_(path), session_(vm_->session()) {
        const Departure* departure = vm_->departures().find(path_);
        number_ = departure ? departure->number : 0;
    }
    Clearing(const Clearing&) = delete;
    Clearing& operator=(const Clearing&) = delete;
    ~Clearing() { vm_->relapse(path_, number_); }

    /// Whether this is still about that device of that QEMU, and the QEMU answers: else what is
    /// left to be done is done over the next connection, or when the silence is over.
    bool is_same() const {
        const Departure* departure = vm_->departures().find(path_);
        const bool answers = vm_->session() == session_ && !vm_->unavailable();
        return departure && departure->number == number_ && answers;
    }

  private:
    std::shared_ptr<Vm> vm_;
    std::string path_;
    std::shared_ptr<qmp::Session> session_;
    std::uint64_t number_ = 0;
};

// First of all: until then whatever else QEMU opens may be its end. False when the connection was
// lost before all were parked.
awaitable<bool> park(std::shared_ptr<Vm> vm, InventoryDevice entry) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    while (session && vm->session() == session && !vm->stopping()) {
        const bool parked = co_await park_descriptors(vm, entry);
        if (parked) co_return true;
        co_await vm->changed().wait_until(SteadyClock::now() + parking_pause);
    }
    co_return false;
}

// What a departure that begins anew has deleted already is not there any more.
awaitable<void> delete_parts(std::shared_ptr<Vm> vm, std::string name, std::string backend_id,
                             std::string chardev_id) {
    const std::vector<Backend>& backends = vm->inventory().backends;
    const std::vector<std::string>& chardevs = vm->inventory().chardevs;
    const bool has_backend =
        std::any_of(backends.begin(), backends.end(),
                    [&](const Backend& each) { return each.id == backend_id; });
    const bool has_chardev =
        std::find(chardevs.begin(), chardevs.end(), chardev_id) != chardevs.end();
    if (has_backend) co_await delete_backend(vm, backend_id, name);
    if (has_chardev && name_of_chardev_id(chardev_id)) {
        co_await delete_chardev(vm, chardev_id, name);
    }
    vm->host().relays.drop(vm->name(), name);
}

}  // namespace

awaitable<std::string> remove_region(std::shared_ptr<Vm> vm, std::string region,
                                     Milliseconds patience) {
    Host& host = vm->host();
    const std::string path = host.regions.path_of(region);
    const std::optional<RegionIdentity> made = created_region(*host.store, path);
    if (host.regions.places().device_at(path)) co_return "it is the memory of a driver";
    if (!made) co_return "it was not made by ivshmemd, and is for whoever made it to remove";
    RegionRemoval removal{path, *made, "", patience};
    const std::optional<std::string> kept = co_await remove_made_region(vm, removal);
    co_return kept.value_or("");
}

awaitable<std::string> clear_away(std::shared_ptr<Vm> vm, InventoryDevice entry) {
    const Clearing clearing(vm, entry.device.qom_path);
    const std::string path = entry.device.qom_path;
    const std::string& name = entry.device.spec.name;
    const bool ours = entry.device.origin == Origin::managed;
    bool parked = vm->session() && !vm->stopping() && is_parked(*vm, entry);
    if (!parked) parked = co_await park(vm, entry);
    if (!parked) co_return "";
    vm->parked(path);
    if (ours) co_await delete_parts(vm, name, entry.backend_id, entry.chardev_id);
    if (!clearing.is_same()) co_return "";
    // Who joined the wait meanwhile may have wanted the region to go.
    const Departure* departure = vm->departures().find(path);
    const bool drop_region = departure && departure->remove_region;
    std::string kept;
    if (drop_region && entry.device.spec.region) {
        kept =
            co_await remove_region(vm, *entry.device.spec.region, vm->host().deadlines.region_free);
        if (!kept.empty()) kept = "the region stays: " + kept;
    }
    if (!clearing.is_same()) co_return "";
    vm->gone(path, kept);
    if (ours) co_await drop_intent(*vm->host().store, vm->key(), name);
    co_return kept.empty() ? "" : *entry.device.spec.region;
}

awaitable<void> remove_region_later(std::shared_ptr<Vm> vm, std::string region) {
    {
        const Turn::Pass pass = co_await vm->turn().enter();  // backends without a device go first
    }
    co_await remove_region(vm, region, vm->host().deadlines.region_told);
}

namespace {

constexpr const char* late_orphans = "parking of orphans";

// A chardev that stays tells that its device is not parked.
awaitable<bool> clean_chardev(std::shared_ptr<Vm> vm, std::string id) {
    const std::string name = name_of_chardev_id(id).value_or(id);
    InventoryDevice gone;
    gone.device.spec.name = name;
    gone.device.origin = Origin::managed;
    gone.device.has_server = true;
    const bool parked = co_await park_descriptors(vm, gone);
    if (!parked) co_return false;
    log_info({vm->name(), ": deleting chardev ", id, ", which serves no device"},
             {{"VM", vm->name()}});
    co_await delete_chardev(vm, id, name);
    co_return true;
}

awaitable<void> clean_orphans_later(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    while (session && vm->session() == session && !vm->adopted() && !vm->stopping()) {
        co_await vm->changed().wait_until(SteadyClock::now() + parking_pause);
        const Turn::Pass pass = co_await vm->turn().enter();
        if (!vm->unavailable() && !vm->adopted()) co_await clean_orphans(vm);
    }
    while (vm->chores().again(late_orphans)) continue;  // this run was for all who asked
}

}  // namespace

awaitable<void> clean_orphans(std::shared_ptr<Vm> vm) {
    for (const std::string& id : orphan_backends(vm->inventory())) {
        log_info({vm->name(), ": deleting backend ", id, ", which serves no device"},
                 {{"VM", vm->name()}});
        co_await delete_backend(vm, id, name_of_backend_id(id).value_or(id));
    }
    bool all_parked = true;
    for (const std::string& id : orphan_chardevs(vm->inventory())) {
        const bool parked = co_await clean_chardev(vm, id);
        all_parked = all_parked && parked;
    }
    vm->set_adopted(all_parked);
    const bool later = !vm->adopted() && vm->chores().begin(late_orphans);
    if (later) vm->spawn(late_orphans, clean_orphans_later(vm));
}

awaitable<void> clean_orphans_in_turn(std::shared_ptr<Vm> vm) {
    const Turn::Pass pass = co_await vm->turn().enter();
    vm->unsettle();
    co_await clean_orphans(vm);
}

awaitable<void> resume_removals(std::shared_ptr<Vm> vm) {
    const std::vector<RemovalIntent> intents = removal_intents(*vm->host().store, vm->key());
    for (const RemovalIntent& intent : intents) {
        const InventoryDevice* entry = find_managed(vm->inventory(), intent.device);
        // A later process may have a device of that name on its command line.
        const bool same_run = intent.run == vm->identity().run && !intent.run.empty();
        if (entry && same_run) {
            if (vm->departures().find(entry->device.qom_path)) continue;  // this daemon's own
            vm->resume_departure(entry->device.qom_path, intent.remove_region);
            continue;
        }
        if (intent.remove_region && !intent.region.empty()) {
            vm->spawn("removal of region " + intent.region, remove_region_later(vm, intent.region));
        }
        co_await drop_intent(*vm->host().store, vm->key(), intent.device);
    }
}

}  // namespace ivshmemd
