#include "daemon/attach/region.h"

#include "daemon/state/regions.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {
namespace {

// A legacy device makes QEMU abort on any fault of its memory.
Result<void> check_legacy_access(const Vm& vm, const std::string& path) {
    if (RegionFiles::admits(path, vm.qemu_user())) return {};
    return Error(ErrorKind::permission_denied,
                 path + " cannot be opened by the VM's user " + std::to_string(vm.qemu_user()) +
                     ", and QEMU " + to_string(vm.capabilities()->version) +
                     " aborts when it cannot; let that user read and write it");
}

}  // namespace

awaitable<Result<std::optional<RegionIdentity>>> prepare_region(std::shared_ptr<Vm> vm,
                                                                Decision decision) {
    Host& host = vm->host();
    const std::string path = decision.region.path;
    if (!decision.region.create) {
        host.regions.grant(path, vm->qemu_user());
        if (decision.spec.model == Model::legacy) {
            const Result<void> access = check_legacy_access(*vm, path);
            if (!access) co_return access.error();
        }
        co_return std::optional<RegionIdentity>();
    }
    const auto reserve = [files = host.regions, spec = decision.spec, user = vm->qemu_user()] {
        return files.reserve(*spec.region, spec.size, user);
    };
    const Result<UnnamedRegion> made = co_await host.worker.run(reserve);
    if (!made) co_return made.error();
    co_await remember_region(*host.store, path, made->identity);
    const Result<void> named = host.regions.publish(*made, *decision.spec.region);
    if (!named) {
        co_await forget_region(*host.store, path, made->identity);
        co_return named.error();
    }
    co_return std::optional<RegionIdentity>(made->identity);
}

awaitable<void> take_back_region(std::shared_ptr<Vm> vm, std::string path, RegionIdentity made) {
    RegionFiles::remove(path, made);
    co_await forget_region(*vm->host().store, path, made);
}

}  // namespace ivshmemd
