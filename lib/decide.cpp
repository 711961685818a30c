#include "lib/decide.h"

#include <sys/stat.h>

#include <cerrno>

#include "lib/equality.h"
#include "lib/place.h"
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
    spec.readonly = request.readonly.value_or(false);
    spec.numa = request.numa;
    spec.prealloc = request.prealloc.value_or(false);
    spec.backend = request.backend;
    return spec;
}

Result<ToAttach> decide_server(const DeviceRequest& request, Model model, std::uint64_t limit) {
    ToAttach decided{spec_of(request, model), "", false};
    decided.spec.server = request.server;
    decided.spec.vectors = request.vectors;  // else as many as it gives
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
                 "device " + request.name + " is being detached; wait until the guest lets it go");
}

}  // namespace

std::string region_path(const RegionPlaces& places, const DeviceRequest& request) {
    return places.path_of(request.region.value_or(request.name));
}

Result<void> check_only_master(const std::string& holder, const std::string& what) {
    if (holder.empty()) return {};
    return Error(
        ErrorKind::master_exists,
        what + " has a master already: " + holder + "; attach as peer, or detach that one first",
        {{"holder", holder}});
}

namespace {

// Of a VM that waits for a migration the source may be the master until it runs. What arrives for
// it would overwrite the region of any other VM.
Result<void> check_masters(const ToAttach& decided, const AttachFacts& facts) {
    if (decided.spec.role != Role::master) return {};
    const bool waits = facts.run_state == "inmigrate";
    return check_only_master(waits ? facts.other_master : facts.master,
                             "region " + decided.region_path);
}

// What the driver says, or the configuration, or the caller.
Result<std::uint64_t> size_of_device(const DeviceRequest& request, const RegionDevice& device,
                                     const std::string& path, const AttachFacts& facts) {
    std::optional<std::uint64_t> size = device.size;
    if (facts.region.size != 0) size = facts.region.size;
    if (size && request.size && *size != *request.size) {
        return Error(ErrorKind::region_mismatch, path + " has " + format_size(*size) +
                                                     ", not the requested " +
                                                     format_size(*request.size));
    }
    if (!size) size = request.size;
    if (!size) {
        return Error(ErrorKind::bad_size, path +
                                              " does not tell its size; ask for it, or give it "
                                              "in [[region_device]] of the configuration");
    }
    const Result<void> sound = check_size(*size, facts.size_limit);
    if (!sound) return sound.error();
    return *size;
}

// Memory that a driver of the host provides.
Result<ToAttach> with_device(ToAttach decided, const DeviceRequest& request,
                             const RegionDevice& device, const AttachFacts& facts) {
    const std::string& path = decided.region_path;
    if (!facts.region.exists) {
        const Place place{"", path, true, ENOENT};
        return Error(ErrorKind::region_unavailable,
                     path + " is not there; " + mend_place(place, "ivshmemd"));
    }
    if (!S_ISCHR(facts.region.mode) && !S_ISREG(facts.region.mode)) {
        return Error(ErrorKind::region_mismatch, path +
                                                     " is no memory device; correct its "
                                                     "[[region_device]] in the configuration");
    }
    const Result<std::uint64_t> size = size_of_device(request, device, path, facts);
    if (!size) return size.error();
    decided.spec.size = *size;
    decided.region_is_device = true;
    const Result<void> only = check_masters(decided, facts);
    if (!only) return only.error();
    return decided;
}

// A new file of that name would share nothing with those who are thought to share it.
Error cut_off(const std::string& path, const std::string& holder) {
    return Error(ErrorKind::region_mismatch,
                 "the file " + path + " is gone, and " + holder +
                     " still maps what it was: whoever gets a new file of that name shares nothing "
                     "with it; detach " +
                     holder + " first, which 'ivshmemctl doctor' tells how, or use another region");
}

}  // namespace

Result<ToAttach> decide_memory(const DeviceRequest& request, Model model,
                               const AttachFacts& facts) {
    if (request.server) return decide_server(request, model, facts.size_limit);
    const std::string region = request.region.value_or(request.name);
    const Result<void> place = facts.places.check(region);
    if (!place) return place.error();
    if (model == Model::legacy) {
        const Result<void> below = check_legacy_directory(facts.places.directory_of(region));
        if (!below) return below.error();
    }
    ToAttach decided{spec_of(request, model), region_path(facts.places, request), false};
    decided.spec.region = region;
    const RegionDevice* device = facts.places.device_at(decided.region_path);
    if (device) return with_device(std::move(decided), request, *device, facts);
    const Result<std::uint64_t> size = decide_size(request.size, facts.region, facts.size_limit);
    if (!size) return size.error();
    decided.spec.size = *size;
    const Result<RegionPlan> plan =
        check_region(decided.region_path, *size, facts.region, facts.trust);
    if (!plan) return plan.error();
    decided.create_region = plan->create;
    decided.fill_region = plan->fill;
    if (plan->create && !facts.cut_off.empty()) return cut_off(decided.region_path, facts.cut_off);
    if (plan->create) return decided;
    const Result<void> only = check_masters(decided, facts);
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
