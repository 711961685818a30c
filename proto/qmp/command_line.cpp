#include "proto/qmp/command_line.h"

#include "lib/migration/receiver.h"
#include "proto/qmp/dialect.h"

namespace ivshmemd::qmp {
namespace {

// In a list of options a comma is written twice.
std::string doubled(const std::string& value) {
    std::string out;
    for (const char c : value) out += c == ',' ? ",," : std::string(1, c);
    return out;
}

// Nothing of what is the default.
std::string backend_argument(const Backend& backend, const ReceiverFacts& facts) {
    std::string text = "memory-backend-file,id=" + doubled(backend.id) +
                       ",size=" + std::to_string(backend.size) +
                       ",mem-path=" + doubled(receivable_path(backend));
    if (backend.share) text += ",share=on";
    if (backend.offset > 0) text += ",offset=" + std::to_string(backend.offset);
    if (backend.read_only) text += ",readonly=on";
    const auto options = facts.options.find(backend.id);
    return options == facts.options.end() ? text : text + options->second;
}

// As QEMU finds it, which is not what it is called where two share their name.
std::string address_of_bus(const Inventory& inventory, const std::string& name) {
    const Bus* bus = find_bus(inventory, name);
    return bus && !bus->address.empty() ? bus->address : name;
}

// A legacy device names its file below /dev/shm.
std::string shm_name(const InventoryDevice& entry) {
    constexpr std::string_view folder = "/dev/shm/";
    if (!entry.memory_path.starts_with(folder)) return entry.device.spec.region.value_or("");
    return entry.memory_path.substr(folder.size());
}

std::string address_argument(const InventoryDevice& entry, const ReceiverFacts& facts) {
    std::string text = ",addr=" + slot_address(entry.device.spec.slot);
    if (entry.function > 0) text += "." + std::to_string(entry.function);
    // The guest has seen it, and QEMU compares what it has seen.
    if (facts.multifunction.contains(entry.device.qom_path)) text += ",multifunction=on";
    return text;
}

std::string device_argument(const Inventory& inventory, const InventoryDevice& entry) {
    const DeviceSpec& spec = entry.device.spec;
    const bool legacy = spec.model == Model::legacy;
    std::string text(qom_type(spec.model));
    if (!entry.id.empty()) text += ",id=" + doubled(entry.id);
    text += legacy ? ",shm=" + doubled(shm_name(entry)) : ",memdev=" + doubled(entry.backend_id);
    if (legacy) text += ",size=" + std::to_string(spec.size) + "B";
    text += legacy ? ",role=master" : ",master=on";
    return text + ",bus=" + doubled(address_of_bus(inventory, spec.bus));
}

}  // namespace

Result<ReceiverStart> receiver_arguments(const Inventory& inventory, const ReceiverFacts& facts) {
    ReceiverStart start;
    for (const InventoryDevice& entry : inventory.devices) {
        if (blocks_migration(entry.device)) continue;
        const Backend* backend = find_backend(inventory, entry.backend_id);
        if (const auto reason = unreceivable(entry, backend)) {
            return Error(ErrorKind::config_unsupported, "configuration unsupported: " + *reason,
                         {{"reason", *reason}});
        }
        if (has_doorbell(entry)) {
            start.left_out.push_back(spec_to_repeat(entry.device));
            continue;
        }
        std::vector<std::string>& arguments = start.arguments;
        if (backend) {
            arguments.insert(arguments.end(), {"-object", backend_argument(*backend, facts)});
        }
        arguments.insert(arguments.end(), {"-device", device_argument(inventory, entry) +
                                                          address_argument(entry, facts)});
    }
    return start;
}

}  // namespace ivshmemd::qmp
