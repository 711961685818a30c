#include "daemon/vm/vm.h"

#include <utility>

#include "daemon/region/inventory_memory.h"
#include "daemon/state/proofs.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

// How often to look whether a client's operation has seen that the VM was stopped.
constexpr Milliseconds turn_look{20};

}  // namespace

Vm::Vm(Host& host, VmConfig config)
    : host_(host),
      config_(std::move(config)),
      changed_(host.executor),
      link_(host, config_.name, config_.qmp_socket, changed_),
      departures_(host.deadlines),
      turn_(host.executor),
      numbers_(host.executor),
      scope_(host.executor, [this](const std::string& task) { recover(task); }) {}

awaitable<void> Vm::sleep_until(SteadyClock::time_point until) {
    while (!stopping() && SteadyClock::now() < until) co_await link_.wait_retry(until);
}

void Vm::stop(const std::string& why) {
    scope_.close();
    link_.stop(why);
}

awaitable<void> Vm::ended() {
    co_await scope_.ended(SteadyClock::time_point::max());
    while (turn_.busy()) co_await changed_.wait_until(SteadyClock::now() + turn_look);
}

void Vm::finish() {
    over_ = true;
    changed_.notify_all();
}

void Vm::recover(const std::string& task) {
    const std::string why = "ivshmemd: " + task + " failed; connecting anew";
    refreshing_ = false;
    chores_.clear();
    if (session()) session()->close(Error(ErrorKind::vm_unavailable, why));
    changed_.notify_all();
}

void Vm::connect(std::shared_ptr<qmp::Session> session, Identity identity, std::string uuid,
                 Capabilities capabilities, Reading reading) {
    const bool another = link_.established(std::move(session), std::move(identity), std::move(uuid),
                                           std::move(capabilities));
    if (another) {
        holdings_.start_afresh();
        departures_.forget();
        parked_.clear();
    }
    start_departures_over();
    notices_.forget(SteadyClock::now());
    unsettle();
    take_in(std::move(reading), holdings_.generation());
    link_.publish_connected();
}

void Vm::disconnect(std::string why) {
    holdings_.expire();
    set_adopted(false);
    link_.lost(std::move(why));
}

bool Vm::apply(Reading reading, std::uint64_t begun) {
    if (begun != holdings_.generation()) return false;
    take_in(std::move(reading), begun);
    return true;
}

void Vm::take_in(Reading reading, std::uint64_t begun) {
    std::set<std::string> there;
    for (const InventoryDevice& each : reading.inventory.devices) {
        there.insert(each.device.qom_path);
    }
    const SteadyClock::time_point now = SteadyClock::now();
    keep_proofs(reading.inventory, inventory());
    apply_proofs(*host_.store, key(), reading.inventory);
    if (!holdings_.apply(std::move(reading.inventory), begun, now)) return;
    if (holdings_.has_newcomers()) notices_.hotplug(now);
    departures_.reconcile(there, holdings_.missing(), now);
    follow_run_state(reading.run_state);
    departures_changed();
}

// A guest that begins to run is not ready for a removal at once; and just after the first start
// QEMU loses one, because its clock stands at nought.
void Vm::follow_run_state(const std::string& run_state) {
    const bool ran = this->run_state() == "running";
    link_.follow_run_state(run_state);
    if (!ran && run_state == "running") departures_.start_over(SteadyClock::now());
}

void Vm::add_device(const DeviceSpec& spec, const Parts& parts) {
    holdings_.add_device(spec, parts, SteadyClock::now());
    notices_.added("/machine/peripheral/" + device_id(spec.name));
    changed_.notify_all();
}

bool Vm::begin_refresh() {
    if (state() != VmState::connected || turn_.busy()) return false;
    refresh_again_ = refreshing_;
    if (refreshing_) return false;
    refreshing_ = true;
    ++refresh_number_;
    refresh_began_ = SteadyClock::now();
    return true;
}

bool Vm::end_refresh() {
    refreshing_ = false;
    changed_.notify_all();
    return std::exchange(refresh_again_, false) && begin_refresh();
}

bool Vm::has_kernel_interrupts(const DeviceSpec& spec) const {
    return capabilities() && capabilities()->kvm && spec.msi.value_or(true);
}

void Vm::publish(EventKind kind, std::optional<std::string> device, std::string detail) {
    std::optional<std::string> region;
    const std::optional<DeviceSpec>& coming = turn_.coming();
    if (device && coming && coming->name == *device) {
        region = coming->region;
    } else if (device) {
        const InventoryDevice* entry = find_managed(inventory(), *device);
        if (entry) region = entry->device.spec.region;
    }
    host_.events.publish({kind, name(), std::move(device), std::move(detail), region.value_or("")});
}

}  // namespace ivshmemd
