#include "daemon/attach/decision.h"

#include <unistd.h>

#include "daemon/vm/vm.h"
#include "lib/equality.h"
#include "lib/region.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

constexpr std::string_view legacy_directory = "/dev/shm";

// Legacy devices find their memory by its name below /dev/shm, and any fault of it aborts QEMU.
Result<void> check_legacy_directory(const std::string& directory) {
    const bool below = directory.starts_with(std::string(legacy_directory) + "/");
    if (directory == legacy_directory || below) return {};
    const std::string reason =
        "legacy ivshmem needs the regions at or below /dev/shm, and they are in " + directory;
    return Error(ErrorKind::config_unsupported, "configuration unsupported: " + reason,
                 {{"reason", reason}});
}

DeviceSpec spec_of(const DeviceRequest& request, Model model) {
    DeviceSpec spec;
    spec.name = request.name;
    spec.model = model;
    spec.role = request.role.value_or(Role::peer);
    return spec;
}

Result<Decision> decide_server(Vm& vm, const DeviceRequest& request, Model model) {
    Decision decision;
    decision.spec = spec_of(request, model);
    decision.spec.server = request.server;
    decision.spec.vectors = request.vectors.value_or(1);
    decision.spec.msi = request.msi.value_or(true);
    decision.spec.ioeventfd = request.ioeventfd.value_or(*decision.spec.msi);
    if (!request.size) return decision;
    const Result<void> sound = check_size(*request.size, vm.host().config.region_size_limit);
    if (!sound) return sound.error();
    decision.spec.size = *request.size;
    return decision;
}

}  // namespace

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

Result<Decision> decide_memory(Vm& vm, const DeviceRequest& request, Model model) {
    if (request.server) return decide_server(vm, request, model);
    const RegionFiles& files = vm.host().regions;
    if (model == Model::legacy) {
        const Result<void> below = check_legacy_directory(files.directory());
        if (!below) return below.error();
    }
    Decision decision;
    decision.spec = spec_of(request, model);
    decision.spec.region = request.region.value_or(request.name);
    decision.region.path = files.path_of(*decision.spec.region);
    const auto file = std::make_shared<const RegionFile>(RegionFiles::look(decision.region.path));
    const RegionFacts& facts = file->facts;
    const Result<std::uint64_t> size =
        decide_size(request.size, facts, vm.host().config.region_size_limit);
    if (!size) return size.error();
    decision.spec.size = *size;
    const RegionTrust trust{::geteuid(), vm.qemu_user(), vm.host().config.trusted_users};
    const Result<RegionPlan> plan = check_region(decision.region.path, *size, facts, trust);
    if (!plan) return plan.error();
    decision.region.create = plan->create;
    if (!plan->create) decision.region.file = file;
    if (decision.spec.role == Role::master && !plan->create) {
        const Result<void> only =
            check_only_master(vm, file->identity, "region " + decision.region.path, request.name);
        if (!only) return only.error();
    }
    return decision;
}

Result<void> check_only_master(Vm& vm, const RegionIdentity& memory, const std::string& what,
                               const std::string& device) {
    // One that waits for a migration counts once it runs: until then its source is the master.
    if (vm.run_state() == "inmigrate") return {};
    const std::string holder = vm.host().region_users.find_master(memory, vm.name() + "/" + device);
    if (holder.empty()) return {};
    return Error(
        ErrorKind::master_exists,
        what + " has a master already: " + holder + "; attach as peer, or detach that one first",
        {{"holder", holder}});
}

}  // namespace ivshmemd
