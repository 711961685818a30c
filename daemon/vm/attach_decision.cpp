#include "daemon/vm/attach_decision.h"

#include <unistd.h>

#include "lib/equality.h"
#include "lib/region.h"

namespace ivshmemd {
namespace {

// Two masters would both carry the content along: the later migration overwrites the earlier one's.
Result<void> check_only_master(Vm& vm, const std::string& path, const std::string& device) {
    const std::optional<RegionIdentity> region = RegionFiles::identity(path);
    if (!region) return {};
    const std::string holder = vm.host().find_master(*region, vm.name() + "/" + device);
    if (holder.empty()) return {};
    return Error(ErrorKind::master_exists,
                 "region " + path + " has a master already: " + holder +
                     "; attach as peer, or detach that one first",
                 {{"holder", holder}});
}

}  // namespace

Result<void> check_run_state(const Vm& vm, Role role) {
    const std::string& state = vm.run_state();
    const bool waits = state == "inmigrate" && role == Role::peer;
    if (!waits && state != "postmigrate" && state != "finish-migrate") return {};
    return Error(ErrorKind::vm_unavailable,
                 "VM " + vm.name() + " is in run state " + state + ", which takes no " +
                     (waits ? "peer" : "device"),
                 {{"state", state}});
}

Result<std::optional<Device>> check_existing(const Vm& vm, const DeviceRequest& request) {
    const std::optional<Device> existing = vm.device(request.name);
    if (!existing) return std::optional<Device>();
    if (existing->state == DeviceState::detaching) {
        return Error(ErrorKind::operation_in_progress,
                     "device " + request.name +
                         " is being detached; wait until the guest lets it "
                         "go, or reset the VM");
    }
    const Result<void> equal = check_equal(request, existing->spec);
    if (!equal) return equal.error();
    return existing;
}

Result<Decision> decide_region(Vm& vm, const DeviceRequest& request, Model model) {
    const RegionFiles& files = vm.host().regions;
    Decision decision;
    decision.spec.name = request.name;
    decision.spec.model = model;
    decision.spec.role = request.role.value_or(Role::peer);
    decision.spec.region = request.region.value_or(request.name);
    decision.region.path = files.path_of(*decision.spec.region);
    const RegionFacts facts = RegionFiles::inspect(decision.region.path);
    const Result<std::uint64_t> size =
        decide_size(request.size, facts, vm.host().config.region_size_limit);
    if (!size) return size.error();
    decision.spec.size = *size;
    const RegionTrust trust{::geteuid(), vm.qemu_user(), vm.host().config.trusted_users};
    const Result<RegionPlan> plan = check_region(decision.region.path, *size, facts, trust);
    if (!plan) return plan.error();
    decision.region.create = plan->create;
    if (decision.spec.role == Role::master && !plan->create) {
        const Result<void> only = check_only_master(vm, decision.region.path, request.name);
        if (!only) return only.error();
    }
    return decision;
}

}  // namespace ivshmemd
