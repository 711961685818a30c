#include "daemon/attach/decision.h"

#include <unistd.h>

#include "daemon/vm/vm.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

/// The facts, and the file that they tell of.
struct Found {
    AttachFacts facts;
    std::shared_ptr<const RegionFile> file;
};

// Of a device that is not to leave, in any VM that may have a QEMU.
std::string find_cut_off(const Vm& vm, const DeviceRequest& request,
                         const std::set<std::string>& except) {
    const std::string region = request.region.value_or(request.name);
    for (const auto& [name, other] : vm.host().vms) {
        if (other->sight() == Sight::nobody) continue;
        for (const InventoryDevice& entry : other->inventory().devices) {
            std::string holder = name + "/" + entry.device.spec.name;
            const bool shares = entry.mapping.shared && entry.device.state != DeviceState::leaked;
            const bool has_it = shares && entry.device.spec.region == region;
            if (has_it && !except.contains(holder)) return holder;
        }
    }
    return "";
}

void look_at_region(const Vm& vm, const DeviceRequest& request, std::set<std::string> except,
                    Found& found) {
    const std::string path = region_path(found.facts.places, request);
    found.file = std::make_shared<const RegionFile>(RegionFiles::look(path));
    found.facts.region = found.file->facts;
    except.insert(vm.name() + "/" + request.name);
    if (!found.facts.region.exists) found.facts.cut_off = find_cut_off(vm, request, except);
    // Of a thousand VMs each has to be asked, and a peer does not mind.
    if (!found.facts.region.exists || request.role != Role::master) return;
    const RegionUsers& users = vm.host().region_users;
    const Mapping memory = whole_file(found.file->identity, 0);
    found.facts.master = users.find_master(memory, vm.uuid(), except);
    found.facts.other_master = users.find_other_master(memory, vm.uuid(), except);
}

Found find_out(const Vm& vm, const DeviceRequest& request,
               const std::set<std::string>& leaving = {}) {
    const Host& host = vm.host();
    Found found;
    found.facts.vm = vm.name();
    found.facts.run_state = vm.run_state();
    found.facts.capabilities = *vm.capabilities();
    const bool stays = !leaving.contains(vm.name() + "/" + request.name);
    if (stays) found.facts.existing = vm.device(request.name);
    found.facts.size_limit = host.config.region_size_limit;
    found.facts.places = host.regions.places();
    found.facts.trust = {::geteuid(), vm.qemu_user(), host.config.trusted_users};
    if (!request.server) look_at_region(vm, request, leaving, found);
    return found;
}

Decision with_file(const ToAttach& decided, const Found& found) {
    Decision decision;
    decision.spec = decided.spec;
    decision.region.path = decided.region_path;
    decision.region.create = decided.create_region;
    decision.region.fill = decided.fill_region;
    decision.region.device = decided.region_is_device;
    if (!decided.spec.server && !decided.create_region) decision.region.file = found.file;
    return decision;
}

}  // namespace

Result<std::variant<Device, Decision>> decide_attach(const Vm& vm, const DeviceRequest& request,
                                                     const std::set<std::string>& leaving) {
    const Found found = find_out(vm, request, leaving);
    const Result<Decided> decided = decide(request, found.facts);
    if (!decided) return decided.error();
    if (const Device* equal = std::get_if<Device>(&*decided)) {
        return std::variant<Device, Decision>(*equal);
    }
    Decision decision = with_file(std::get<ToAttach>(*decided), found);
    decision.session = vm.session();
    return std::variant<Device, Decision>(std::move(decision));
}

Result<Decision> decide_memory(const Vm& vm, const DeviceRequest& request, Model model) {
    const Found found = find_out(vm, request);
    const Result<ToAttach> decided = decide_memory(request, model, found.facts);
    if (!decided) return decided.error();
    return with_file(*decided, found);
}

Result<void> check_only_master(const Vm& vm, const Mapping& memory, const std::string& what,
                               const std::string& device) {
    const RegionUsers& users = vm.host().region_users;
    const std::set<std::string> except{vm.name() + "/" + device};
    return check_only_master(vm.awaits_migration()
                                 ? users.find_other_master(memory, vm.uuid(), except)
                                 : users.find_master(memory, vm.uuid(), except),
                             what);
}

Parts parts_of(const Vm& vm, const Decision& decision) {
    const DeviceSpec& spec = decision.spec;
    Parts parts;
    if (spec.server) {
        parts.chardev_id = chardev_id(spec.name);
    } else {
        parts.memory_path = decision.region.path;
        // Of a name of ours for a legacy one, so that a daemon killed meanwhile knows it again.
        const bool is_free = spec.model != Model::legacy && !spec.backend.empty() &&
                             !find_backend(vm.inventory(), spec.backend);
        parts.backend_id = is_free ? spec.backend : fresh_backend_id(vm.inventory(), spec.name);
    }
    const Bus* bus = find_bus(vm.inventory(), spec.bus);
    parts.bus_address = bus ? bus->address : spec.bus;
    // A bus of a unique name is compared after the answer, which need not wait for that.
    if (bus && bus->address != bus->name) parts.bus_path = bus->path;
    return parts;
}

}  // namespace ivshmemd
