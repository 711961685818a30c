#include "daemon/api/methods.h"

#include <array>
#include <nlohmann/json.hpp>

#include "lib/names.h"

namespace ivshmemd {
namespace {

constexpr std::array methods{
    ApiMethod{"ListVms", list_vms, Access::reading},
    ApiMethod{"Probe", probe_vm, Access::reading},
    ApiMethod{"Attach", attach_device, Access::all},
    ApiMethod{"Detach", detach_device, Access::all},
    ApiMethod{"AttachMany", attach_many, Access::all},
    ApiMethod{"DetachMany", detach_many, Access::all},
    ApiMethod{"Apply", apply_topology, Access::all},
    ApiMethod{"ListDevices", list_devices, Access::reading},
    ApiMethod{"CheckMigration", check_migration, Access::reading},
    ApiMethod{"Migrate", migrate_vm, Access::all},
    ApiMethod{"Replug", replug_devices, Access::all},
    ApiMethod{"Forget", forget_devices_out, Access::all},
    ApiMethod{"Hold", hold_vm, Access::all},
    ApiMethod{"Release", release_vm, Access::all},
    ApiMethod{"QemuArguments", qemu_arguments, Access::reading},
    ApiMethod{"ListRegions", list_regions, Access::reading},
    ApiMethod{"RemoveRegion", remove_region, Access::all},
    ApiMethod{"Diagnose", diagnose_vms, Access::reading},
    ApiMethod{"Subscribe", subscribe, Access::reading, true},
};

}  // namespace

const ApiMethod* find_api_method(std::string_view name) {
    for (const ApiMethod& method : methods) {
        if (method.name == name) return &method;
    }
    return nullptr;
}

Result<std::shared_ptr<Vm>> find_vm(const CallContext& context) {
    const std::string* name = as_string(find(context.parameters(), "vm"));
    if (!name) return std::shared_ptr<Vm>();
    const Result<void> valid = check_vm_name(*name);
    if (!valid) return valid.error();
    std::shared_ptr<Vm> vm = context.registry.find(*name);
    if (!vm) {
        return Error(ErrorKind::no_such_vm,
                     "no VM is named '" + *name + "'; 'ivshmemctl vms' lists those there are");
    }
    return vm;
}

Document reply_of(json parameters) {
    return std::make_shared<const json>(std::move(parameters));
}

}  // namespace ivshmemd
