#include "lib/decide.h"

#include "lib/equality.h"
#include "lib/resolve.h"
#include "lib/run_state.h"
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

Result<ToAttach> decide_server(const DeviceRequest& request, Model model, std::uint64_t limit) {
    ToAttach decided{spec_of(request, model), "", false};
    decided.spec.server = request.server;
    decided.spec.vectors = request.vectors.value_or(1);
    decided.spec.msi = request.msi.value_or(true);
    decided.spec.ioeventfd = request.ioeventfd.value_or(*decided.spec.msi);
    if (!request.size) return decided;
    const Result<void> sound = check_size(*request.size, limit);
    if (!sound) return sound.error();
    decided.spec.size = *request.size;
    return decided;
}

Result<void> check_existing(const DeviceRequest& request, const Device& existing) {
    if (existing.state != DeviceState::detaching) return check_equal(request, existing.spec);
    return Error(ErrorKind::operation_in_progress,
                 "device " + request.name +
                     " is being detached; wait until the guest lets it go, or reset the VM");
}

}  // namespace

std::string region_path(const std::string& directory, const DeviceRequest& request) {
    return directory + "/" + request.region.value_or(request.name);
}

Result<void> check_only_master(const std::string& holder, const std::string& what) {
    if (holder.empty()) return {};
    return Error(
        ErrorKind::master_exists,
        what + " has a master already: " + holder + "; attach as peer, or detach that one first",
        {{"holder", holder}});
}

Result<ToAttach> decide_memory(const DeviceRequest& request, Model model,
                               const AttachFacts& facts) {
    if (request.server) return decide_server(request, model, facts.size_limit);
    if (model == Model::legacy) {
        const Result<void> below = check_legacy_directory(facts.region_directory);
        if (!below) return below.error();
    }
    ToAttach decided{spec_of(request, model), region_path(facts.region_directory, request), false};
    decided.spec.region = request.region.value_or(request.name);
    const Result<std::uint64_t> size = decide_size(request.size, facts.region, facts.size_limit);
    if (!size) return size.error();
    decided.spec.size = *size;
    const Result<RegionPlan> plan =
        check_region(decided.region_path, *size, facts.region, facts.trust);
    if (!plan) return plan.error();
    decided.create_region = plan->create;
    // One that waits for a migration counts once it runs: until then its source is the master.
    const bool counts = decided.spec.role == Role::master && facts.run_state != "inmigrate";
    if (!counts || plan->create) return decided;
    const Result<void> only = check_only_master(facts.master, "region " + decided.region_path);
    if (!only) return only.error();
    return decided;
}

Result<Decided> decide(const DeviceRequest& request, const AttachFacts& facts) {
    const Role role = request.role.value_or(Role::peer);
    const Result<void> state = allowed(Operation::attach, facts.vm, facts.run_state, role);
    if (!state) return state.error();
    const Result<Model> model = resolve_model(request, facts.capabilities);
    if (!model) return model.error();
    if (facts.existing) {
        const Result<void> equal = check_existing(request, *facts.existing);
        if (!equal) return equal.error();
        return Decided(*facts.existing);
    }
    Result<ToAttach> memory = decide_memory(request, *model, facts);
    if (!memory) return memory.error();
    return Decided(std::move(*memory));
}

}  // namespace ivshmemd
