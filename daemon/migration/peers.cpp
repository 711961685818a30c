#include "daemon/migration/peers.h"

#include "daemon/vm/migration_watch.h"
#include "lib/resolve.h"

namespace ivshmemd {

std::vector<DeviceSpec> devices_to_take_out(const Vm& vm, bool masters) {
    std::vector<DeviceSpec> found;
    for (const Device& device : vm.devices()) {
        const bool wanted = blocks_migration(device) || masters;
        if (!wanted || device.origin != Origin::managed) continue;
        if (device.state == DeviceState::attached) found.push_back(spec_to_repeat(device));
    }
    return found;
}

Result<void> check_can_return(const Vm& vm, const std::vector<DeviceSpec>& devices) {
    for (const DeviceSpec& spec : devices) {
        const Result<Model> model = resolve_model(request_again(spec), *vm.capabilities());
        if (!model) return model.error();
        if (spec.region || spec.server) continue;
        const std::string reason = "the memory of " + spec.name +
                                   " is no region of this daemon, so that it could not "
                                   "be plugged back";
        return Error(ErrorKind::config_unsupported, "configuration unsupported: " + reason,
                     {{"reason", reason}});
    }
    return {};
}

}  // namespace ivshmemd
