#include "daemon/attach/region.h"

#include "daemon/state/regions.h"
#include "daemon/vm/region_removal.h"

namespace ivshmemd {
namespace {

// Unlinking takes no longer than that.
constexpr Milliseconds unlinking_pause{5};

// Between two looks at a region that another attach is making.
constexpr Milliseconds making_pause{2};

// Others may make a region of this name, and take it back again.
constexpr int making_attempts = 3;

// A legacy device makes QEMU abort on any fault of its memory. QEMU is tried before
// (plan_attach()); this says it sooner, of a file that somebody else made.
Result<void> check_legacy_access(const Vm& vm, const std::string& path) {
    if (RegionFiles::admits(path, vm.qemu_user())) return {};
    return Error(ErrorKind::permission_denied,
                 path + " cannot be opened by the VM's user " + std::to_string(vm.qemu_user()) +
                     ", and QEMU " + to_string(vm.capabilities()->version) +
                     " aborts when it cannot; let that user read and write it");
}

// One that is there: all of its memory is reserved, and the VM's QEMU is let in.
awaitable<Result<void>> prepare_existing(std::shared_ptr<Vm> vm, Decision& decision) {
    Host& host = vm->host();
    const std::string path = decision.region.path;
    const RegionIdentity file = decision.region.file->identity;
    const std::uint64_t size = decision.spec.size;
    if (RegionFiles::identity(path) != file) {
        co_return Error(ErrorKind::region_mismatch, path + " was replaced meanwhile; try again");
    }
    decision.region.identity = file;
    // Whoever made it for nothing.
    co_await keep_region(*host.store, path, file, decision.region.change);
    if (decision.region.device) co_return Result<void>();
    if (decision.region.fill) decision.region.file.reset();  // nobody may have it open
    const bool is_whole =
        decision.region.file && host.regions.is_whole(*decision.region.file, size);
    const auto reserve = [files = host.regions, judged = decision.region.file, path, file, size] {
        return judged ? files.complete(*judged, path, size) : files.fill(path, file, size);
    };
    if (!is_whole) {
        const Result<void> reserved = co_await host.worker.run(reserve);
        if (!reserved) co_return reserved.error();
    }
    decision.region.file.reset();
    const RegionFile ready = RegionFiles::look(path);
    if (ready.identity != file) {
        co_return Error(ErrorKind::region_mismatch, path + " was replaced meanwhile; try again");
    }
    host.regions.grant(ready, vm->qemu_user());
    if (decision.spec.model != Model::legacy) co_return Result<void>();
    co_return check_legacy_access(*vm, path);
}

// Nothing when its name was taken meanwhile.
awaitable<Result<std::optional<RegionIdentity>>> make_region(std::shared_ptr<Vm> vm,
                                                             Decision& decision) {
    Host& host = vm->host();
    const std::string path = decision.region.path;
    while (host.region_users.is_making(path) && !vm->stopping()) {
        co_await vm->sleep_until(SteadyClock::now() + making_pause);
    }
    if (RegionFiles::identity(path)) co_return std::optional<RegionIdentity>();
    const RegionUsers::MakingMark mark(host.region_users, path);
    const mode_t mode = decision.region.mode;
    const auto reserve = [files = host.regions, spec = decision.spec, user = vm->qemu_user(),
                          mode] { return files.reserve(*spec.region, spec.size, user, mode); };
    const Result<UnnamedRegion> made = co_await host.worker.run(reserve);
    if (!made) co_return made.error();
    co_await remember_region(*host.store, path, made->identity,
                             vm->name() + "/" + decision.spec.name, mode, decision.region.change);
    const auto named = host.regions.publish(*made, *decision.spec.region);
    if (named && *named == RegionFiles::Naming::named) {
        decision.region.identity = made->identity;
        co_return std::optional<RegionIdentity>(made->identity);
    }
    co_await forget_region(*host.store, path, made->identity);
    if (!named) co_return named.error();
    co_return std::optional<RegionIdentity>();
}

Error ever_changing(const std::string& path) {
    return Error(ErrorKind::region_mismatch, path + " comes and goes; try again");
}

}  // namespace

awaitable<Result<std::optional<RegionIdentity>>> prepare_region(std::shared_ptr<Vm> vm,
                                                                Decision& decision) {
    for (int attempt = 1; decision.region.create; ++attempt) {
        Result<std::optional<RegionIdentity>> made = co_await make_region(vm, decision);
        if (!made || *made) co_return made;
        if (attempt == making_attempts) co_return ever_changing(decision.region.path);
        // Another attach made it first: it is judged like any other that is there.
        const DeviceRequest request = request_again(decision.spec);
        Result<Decision> judged = decide_memory(*vm, request, decision.spec.model);
        if (!judged) co_return judged.error();
        judged->region.mode = decision.region.mode;
        judged->region.change = decision.region.change;
        decision.region = std::move(judged->region);
    }
    const Result<void> ready = co_await prepare_existing(vm, decision);
    if (!ready) co_return ready.error();
    co_return std::optional<RegionIdentity>();
}

awaitable<std::string> take_back_region(std::shared_ptr<Vm> vm, DeviceSpec spec,
                                        RegionIdentity made) {
    const Host& host = vm->host();
    RegionRemoval removal{host.regions.path_of(*spec.region), made, vm->name() + "/" + spec.name,
                          host.deadlines.region_free};
    const std::optional<std::string> kept = co_await remove_made_region(vm, removal);
    co_return kept.value_or("");
}

awaitable<void> take_back_region_later(std::shared_ptr<Vm> vm, DeviceSpec spec,
                                       RegionIdentity made) {
    while (vm->unavailable() && !vm->stopping()) {
        co_await vm->changed().wait_until(SteadyClock::time_point::max());
    }
    {
        const Turn::Pass pass = co_await vm->turn().enter();  // what QEMU has left of it goes first
    }
    if (vm->stopping()) co_return;
    const Host& host = vm->host();
    if (find_managed(vm->inventory(), spec.name)) {
        co_await region_serves(*host.store, host.regions.path_of(*spec.region), made);
        co_return;
    }
    RegionRemoval removal{host.regions.path_of(*spec.region), made, "", host.deadlines.region_told};
    co_await remove_made_region(vm, removal);
}

awaitable<void> take_back_unused(std::shared_ptr<Vm> vm, CreatedRegion made) {
    RegionRemoval removal{made.path, identity_of(made), made.made_for,
                          vm->host().deadlines.region_told};
    co_await remove_made_region(vm, std::move(removal));
}

void settle_unused_regions(const std::shared_ptr<Vm>& vm) {
    StateStore& store = *vm->host().store;
    for (const CreatedRegion& each : unused_regions(store, vm->name())) {
        const std::string device = each.made_for.substr(vm->name().size() + 1);
        if (find_managed(vm->inventory(), device)) {
            vm->spawn("record of " + each.path, region_serves(store, each.path, identity_of(each)));
        } else {
            vm->spawn("removal of " + each.path, take_back_unused(vm, each));
        }
    }
}

awaitable<void> await_unlinking(std::shared_ptr<Vm> vm, std::string region) {
    const Host& host = vm->host();
    const std::string path = host.regions.path_of(region);
    while (!vm->stopping()) {
        const std::optional<RegionIdentity> file = RegionFiles::identity(path);
        if (!file || !host.region_users.is_unlinking(*file)) break;
        co_await vm->sleep_until(SteadyClock::now() + unlinking_pause);
    }
}

}  // namespace ivshmemd
