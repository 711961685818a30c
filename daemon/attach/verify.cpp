#include "daemon/attach/verify.h"

#include "daemon/vm/refresh.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

void report(Vm& vm, const DeviceSpec& spec, const std::string& detail) {
    vm.publish(EventKind::attach_doubtful, spec.name, detail);
}

std::string mismatch(const DeviceSpec& asked, const DeviceSpec& there) {
    if (asked.model != there.model) return "model " + std::string(qom_type(there.model));
    if (asked.role != there.role) return "role " + std::string(role_name(there.role));
    if (asked.size != there.size) return "size " + std::to_string(there.size);
    if (asked.bus != there.bus || asked.slot != there.slot) {
        return "slot " + std::to_string(there.slot) + " of " + there.bus;
    }
    return "";
}

std::string waiting_removals(Vm& vm) {
    std::string names;
    for (const auto& [path, departure] : vm.departures().all()) {
        if (departure.phase != Departure::Phase::wanted) continue;
        const InventoryDevice* device = find_by_path(vm.inventory(), path);
        if (device) names += " " + device->device.spec.name;
    }
    return names.empty() ? "" : "; the guest has still to let go of:" + names;
}

}  // namespace

awaitable<void> verify(std::shared_ptr<Vm> vm, DeviceSpec spec) {
    const Deadlines& deadlines = vm->host().deadlines;
    const std::shared_ptr<qmp::Session> session = vm->session();
    const std::string path = vm->announced(spec).qom_path;
    const std::uint64_t birth = vm->holdings().birth_of(path);
    const SteadyClock::time_point give_up = SteadyClock::now() + deadlines.mapped;
    for (Milliseconds wait = deadlines.settle;; wait *= 2) {
        co_await vm->sleep_until(SteadyClock::now() + wait);
        // Detached meanwhile, attached again, or another QEMU: nothing left to look at.
        if (vm->stopping() || vm->session() != session) co_return;
        if (vm->holdings().birth_of(path) != birth) co_return;
        if (!co_await refresh(vm, deadlines.query) || vm->session() != session) co_return;
        if (vm->holdings().birth_of(path) != birth) co_return;
        const std::optional<Device> device = vm->device(spec.name);
        if (!device || device->state != DeviceState::attached) co_return;
        const std::string wrong = mismatch(spec, device->spec);
        if (!wrong.empty()) {
            report(*vm, spec, "QEMU shows it with " + wrong);
            co_return;
        }
        if (device->guest_mapped || vm->run_state() != "running") co_return;
        if (SteadyClock::now() >= give_up) break;
    }
    report(*vm, spec,
           "the running guest has not mapped it: no driver has switched its memory on, or there is "
           "no room for it" +
               waiting_removals(*vm));
}

}  // namespace ivshmemd
