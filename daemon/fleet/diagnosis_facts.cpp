#include "daemon/fleet/diagnosis_facts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/base/accounts.h"
#include "daemon/fleet/mapped_files.h"
#include "daemon/fleet/region_list.h"
#include "daemon/vm/descriptors.h"

namespace ivshmemd {
namespace {

// A file that this user may not look at counts as there.
bool is_missing(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) != 0 && errno == ENOENT;
}

using MappedFiles = std::optional<std::vector<MappedFile>>;

DeviceFacts device_facts(const Vm& vm, const Device& device, const MappedFiles& mapped) {
    DeviceFacts facts;
    facts.device = device;
    const InventoryDevice* entry = find_by_path(vm.inventory(), device.qom_path);
    if (!entry || entry->memory_path.empty()) return facts;
    facts.memory_path = entry->memory_path;
    // Outside of the region directory the QEMU may see files that this daemon does not.
    facts.memory_missing = device.spec.region && is_missing(facts.memory_path);
    if (mapped) facts.mapping = judge_mapping(*mapped, facts.memory_path);
    return facts;
}

VmFacts vm_facts(const Vm& vm) {
    VmFacts facts;
    facts.name = vm.name();
    facts.qmp_socket = vm.config().qmp_socket;
    facts.state = vm.state();
    facts.last_error = vm.last_error();
    facts.run_state = vm.run_state();
    facts.qemu_user = vm.qemu_user();
    facts.capabilities = vm.capabilities();
    facts.buses = vm.inventory().buses;
    if (vm.session()) facts.pid = vm.identity().pid;
    if (const auto use = vm.session() ? descriptors_in_use(vm.identity()) : std::nullopt) {
        facts.descriptors = use->count;
        facts.descriptor_limit = static_cast<std::size_t>(descriptor_limit(vm.identity()));
    }
    const MappedFiles mapped = facts.pid ? mapped_files(*facts.pid) : std::nullopt;
    facts.maps_readable = mapped.has_value();
    for (const Device& device : vm.devices()) {
        facts.devices.push_back(device_facts(vm, device, mapped));
    }
    facts.declared_failures = vm.declared().failures();
    return facts;
}

// Regions of devices that are being attached, or wait for the end of a migration.
std::set<std::string> awaited_regions(const Host& host, const Registry& registry) {
    std::set<std::string> paths;
    const auto add = [&](const DeviceSpec& spec) {
        if (spec.region) paths.insert(host.regions.path_of(*spec.region));
    };
    for (const std::shared_ptr<Vm>& vm : registry.all()) {
        if (vm->turn().coming()) add(*vm->turn().coming());
    }
    for (const MigrationRecord& record : host.store->get().migrations) {
        for (const DeviceSpec& spec : record.devices) add(spec);
    }
    return paths;
}

}  // namespace

HostFacts diagnosis_facts(const Host& host, const Registry& registry) {
    HostFacts facts;
    for (const std::shared_ptr<Vm>& vm : registry.all()) facts.vms.push_back(vm_facts(*vm));
    facts.regions = list_regions(host, registry);
    facts.awaited = awaited_regions(host, registry);
    facts.daemon = ::geteuid();
    facts.daemon_user = user_name(facts.daemon);
    facts.trusted_users = host.config.trusted_users;
    return facts;
}

}  // namespace ivshmemd
