#include "daemon/fleet/diagnosis_facts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "daemon/base/access.h"
#include "daemon/base/accounts.h"
#include "daemon/fleet/region_list.h"
#include "daemon/hold/notes.h"
#include "daemon/region/lease.h"
#include "daemon/region/reservation.h"
#include "daemon/vm/process_descriptors.h"
#include "lib/run_state.h"

namespace ivshmemd {
namespace {

// A file that this user may not look at counts as there.
bool is_missing(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) != 0 && errno == ENOENT;
}

// A place of the QEMU's own, such as one of its descriptors, is another one for this process.
bool is_same_here(const std::string& path) {
    return path.starts_with('/') && !path.starts_with("/proc/") && !path.starts_with("/dev/fd/");
}

std::optional<std::chrono::seconds> detaching_for(const Vm& vm, const Device& device) {
    const Departure* departure = vm.departures().find(device.qom_path);
    if (!departure || departure->phase != Departure::Phase::wanted) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::seconds>(SteadyClock::now() - departure->since);
}

DeviceFacts device_facts(const Vm& vm, const Device& device) {
    DeviceFacts facts;
    facts.device = device;
    facts.detaching = detaching_for(vm, device);
    const InventoryDevice* entry = find_by_path(vm.inventory(), device.qom_path);
    if (!entry || entry->memory_path.empty()) return facts;
    facts.memory_path = is_same_here(entry->memory_path) ? entry->memory_path : entry->mapping.path;
    if (facts.memory_path.empty()) return facts;
    // Outside of the region directory the QEMU may see files that this daemon does not.
    facts.memory_missing = device.spec.region && is_missing(facts.memory_path);
    const std::optional<RegionIdentity> at_path = RegionFiles::identity(facts.memory_path);
    const Backend* backend = find_backend(vm.inventory(), entry->backend_id);
    facts.discarded = backend && backend->discarded;
    facts.match = match_path(entry->mapping, facts.memory_path, at_path.value_or(RegionIdentity()));
    return facts;
}

VmFacts vm_facts(const Vm& vm) {
    VmFacts facts;
    facts.name = vm.name();
    facts.qmp_socket = vm.config().qmp_socket;
    facts.state = vm.state();
    facts.last_error = vm.last_error();
    facts.held_by_bridge = vm.link().is_held_by_bridge();
    facts.run_state = vm.link().in_preconfig() ? std::string(preconfig) : vm.run_state();
    facts.qemu_user = vm.qemu_user();
    facts.capabilities = vm.capabilities();
    facts.buses = vm.inventory().buses;
    if (vm.session()) facts.pid = vm.identity().pid;
    if (const auto use = vm.session() ? descriptors_in_use(vm.identity()) : std::nullopt) {
        facts.descriptors = use->size();
        facts.descriptor_limit = static_cast<std::size_t>(descriptor_limit(vm.identity()));
    }
    for (const Device& device : vm.devices()) facts.devices.push_back(device_facts(vm, device));
    facts.declared_failures = vm.declared().failures();
    return facts;
}

// What else may be in a region's file, and who has it open.
void add_to_diagnose(Region& region, const Registry& registry) {
    struct stat status {};
    if (::stat(region.path.c_str(), &status) != 0) return;
    const RegionIdentity file{status.st_dev, status.st_ino};
    region.reserved = reserved_bytes(status);
    for (const std::shared_ptr<Vm>& vm : registry.all()) {
        for (const Backend& backend : vm->inventory().backends) {
            const bool is_a_device = serves_a_device(vm->inventory(), backend);
            if (is_a_device || backend.mapping.file != file) continue;
            region.other_memory.push_back(vm->name() + "/" + backend.id);
        }
    }
    if (!region.users.empty()) return;
    const Openers openers = find_openers(region.path, file);
    if (openers == Openers::nobody) region.open = false;
    if (openers == Openers::somebody) region.open = true;
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

HostFacts diagnosis_facts(const Host& host, const Registry& registry,
                          const AskedSettings& settings) {
    HostFacts facts;
    for (const std::shared_ptr<Vm>& vm : registry.all()) {
        VmFacts each = vm_facts(*vm);
        const auto asked = settings.find(vm->name());
        if (asked != settings.end()) each.migration = asked->second;
        facts.vms.push_back(std::move(each));
    }
    facts.regions = list_regions(host, registry);
    for (Region& region : facts.regions) add_to_diagnose(region, registry);
    facts.holds = hold_notes(host);
    facts.places = look_at_places(host.regions.places());
    facts.awaited = awaited_regions(host, registry);
    facts.daemon = ::geteuid();
    facts.daemon_user = user_name(facts.daemon);
    facts.trusted_users = host.config.trusted_users;
    return facts;
}

}  // namespace ivshmemd
