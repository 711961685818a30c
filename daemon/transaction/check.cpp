#include "daemon/transaction/check.h"

#include <algorithm>

#include "daemon/attach/server.h"
#include "daemon/detach/detach.h"
#include "daemon/vm/migration_watch.h"
#include "daemon/vm/refresh.h"
#include "lib/names.h"
#include "lib/placement.h"
#include "lib/uuid.h"

namespace ivshmemd {
namespace {

using Plans = std::shared_ptr<const std::vector<VmPlan>>;

// "VM/NAME" of all devices that are to leave.
std::set<std::string> leaving_of(const std::vector<VmPlan>& plans) {
    std::set<std::string> leaving;
    for (const VmPlan& plan : plans) {
        for (const std::string& name : plan.detach) leaving.insert(plan.vm + "/" + name);
    }
    return leaving;
}

void add_fault(PlanCheck& check, Error error, const std::string& device) {
    error.details.emplace_back("device", device);
    check.faults.push_back(std::move(error));
}

// What is being looked at.
struct Look {
    std::shared_ptr<Vm> vm;
    Plans plans;
    std::size_t index = 0;
    std::set<std::string> leaving{};
    std::vector<Bus> buses{};  // as they are when the steps so far have been taken

    const VmPlan& plan() const { return (*plans)[index]; }
};

// Finds a place for a device, and takes it. One that has to rest first is not taken: by then
// others are free.
Result<void> take_place(Look& look, const DeviceRequest& request, DeviceSpec& spec) {
    const Vm& vm = *look.vm;
    const PlacementRequest wanted{request.bus, request.slot, vm.holdings().last_place(request.name),
                                  spec.size};
    const auto choice = place(wanted, look.buses, vm.vacated());
    if (!choice) return choice.error();
    const Placement* found = std::get_if<Placement>(&*choice);
    if (!found) return {};
    spec.bus = found->bus;
    spec.slot = found->slot;
    for (Bus& bus : look.buses) {
        if (bus.name == found->bus) bus.occupied.insert(found->slot);
    }
    return {};
}

// As for one that is there already: a VM that waits for a migration, and its source, may both be.
bool may_both_be_masters(const Vm& vm, const Host& host, const std::string& other) {
    const auto found = host.vms.find(other);
    if (found == host.vms.end()) return true;
    if (are_other_vms(vm.uuid(), found->second->uuid())) return false;
    return vm.awaits_migration() || found->second->awaits_migration();
}

Result<void> check_planned_masters(const Look& look, std::size_t step) {
    const Host& host = look.vm->host();
    const std::string holder = master_before(*look.plans, look.index, step, host.regions.places());
    if (holder.empty()) return {};
    const std::string other = holder.substr(0, holder.find('/'));
    if (may_both_be_masters(*look.vm, host, other)) return {};
    const DeviceRequest& request = look.plan().attach[step];
    const std::string region = "region " + request.region.value_or(request.name);
    return check_only_master(holder, request.server.value_or(region));
}

// A server whose peers have yet to leave gives a master no id that it can have.
bool can_meet(const Look& look, const DeviceRequest& request) {
    return request.server && !(request.role == Role::master && !look.leaving.empty());
}

// What would come of one step, with what leaves still there or gone.
awaitable<Result<Attached>> foresee(Look& look, const DeviceRequest& request,
                                    std::set<std::string> gone) {
    Result<std::variant<Device, Decision>> decided = decide_attach(*look.vm, request, gone);
    if (!decided) co_return decided.error();
    if (const Device* equal = std::get_if<Device>(&*decided)) co_return Attached{*equal, false, {}};
    Decision decision = std::move(std::get<Decision>(*decided));
    if (can_meet(look, request)) {
        const Result<void> met = co_await meet_server(look.vm, decision);
        if (!met) co_return met.error();
    }
    const Result<void> placed = take_place(look, request, decision.spec);
    if (!placed) co_return placed.error();
    co_return planned(*look.vm, decision);
}

void free_places(Look& look) {
    for (const std::string& name : look.plan().detach) {
        const std::optional<Device> device = look.vm->device(name);
        if (!device) continue;
        for (Bus& bus : look.buses) {
            if (bus.name == device->spec.bus) bus.occupied.erase(device->spec.slot);
        }
    }
}

// First those that can come beside what leaves, then the others.
awaitable<void> foresee_all(Look& look, PlanCheck& check) {
    const std::vector<DeviceRequest>& steps = look.plan().attach;
    const std::set<std::string> nothing;
    check.devices.resize(steps.size());
    for (std::size_t step = 0; step < steps.size(); ++step) {
        if (look.leaving.contains(look.plan().vm + "/" + steps[step].name)) {
            check.late.insert(step);
            continue;
        }
        Result<Attached> early = co_await foresee(look, steps[step], nothing);
        if (early) {
            check.devices[step] = std::move(*early);
        } else if (look.leaving.empty()) {
            add_fault(check, early.error(), steps[step].name);
        } else {
            check.late.insert(step);
        }
    }
    free_places(look);
    for (const std::size_t step : check.late) {
        Result<Attached> late = co_await foresee(look, steps[step], look.leaving);
        if (!late) add_fault(check, late.error(), steps[step].name);
        if (late) check.devices[step] = std::move(*late);
    }
    for (std::size_t step = 0; step < steps.size(); ++step) {
        if (check.devices[step].device.spec.name.empty()) continue;  // it has a fault already
        const Result<void> only = check_planned_masters(look, step);
        if (!only) add_fault(check, only.error(), steps[step].name);
    }
}

Result<std::shared_ptr<Vm>> find_planned_vm(const Host& host, const std::string& name) {
    const Result<void> valid = check_vm_name(name);
    if (!valid) return valid.error();
    const auto found = host.vms.find(name);
    if (found != host.vms.end()) return found->second;
    return Error(ErrorKind::no_such_vm,
                 "no VM is named '" + name + "'; 'ivshmemctl vms' lists those there are");
}

// Whether what is known of its QEMU may be old, or lacks something.
bool needs_reading(const Vm& vm, const VmPlan& plan) {
    if (vm.unavailable()) return false;
    return vm.holdings().doubtful() ||
           std::any_of(plan.detach.begin(), plan.detach.end(),
                       [&](const std::string& name) { return !vm.device(name); });
}

awaitable<PlanCheck> look_over(std::shared_ptr<Vm> vm, Plans plans, std::size_t index) {
    PlanCheck check;
    std::optional<Error> obstacle = vm->unavailable();
    if (!obstacle) obstacle = migration_active(*vm);
    if (obstacle) {
        check.faults.push_back(*obstacle);
        co_return check;
    }
    Look look{vm, plans, index};
    look.leaving = leaving_of(*plans);
    look.buses = vm->inventory().buses;
    for (const std::string& name : look.plan().detach) {
        const Result<void> possible = check_detach(*vm, name);
        if (!possible) add_fault(check, possible.error(), name);
    }
    co_await foresee_all(look, check);
    co_return check;
}

}  // namespace

awaitable<PlanCheck> check_plan(Host& host, Plans plans, std::size_t index) {
    const Result<std::shared_ptr<Vm>> vm = find_planned_vm(host, (*plans)[index].vm);
    if (!vm) {
        PlanCheck check;
        check.faults.push_back(vm.error());
        co_return check;
    }
    co_await wait_connected(*vm, host.deadlines.greeting);
    const bool fresh = needs_reading(**vm, (*plans)[index]);
    if (fresh) co_await refresh_for_read(*vm);
    PlanCheck check = co_await look_over(*vm, plans, index);
    if (check.faults.empty() || fresh || (*vm)->unavailable()) co_return check;
    // A guest changes its windows, and others take devices out, without an event.
    co_await refresh_for_read(*vm);
    co_return co_await look_over(*vm, plans, index);
}

}  // namespace ivshmemd
