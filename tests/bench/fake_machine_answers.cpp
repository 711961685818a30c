#include "tests/bench/fake_machines.h"

// What the fake machines say, and what becomes of them.

namespace ivshmemd::bench {
namespace {

using nlohmann::json;

const std::string bus = "/machine/i440fx/pci.0";
const std::string power = "/machine/unattached/device[1]";
const std::string peripheral = "/machine/peripheral/";
const std::string not_found = R"({"error": {"class": "DeviceNotFound", "desc": "it is not there"})";

json entry(const std::string& name, const std::string& type) {
    return {{"name", name}, {"type", type}};
}

std::string last_word(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

int slot_of(const json& device) {
    return std::stoi(device.at("addr").get<std::string>(), nullptr, 16);
}

json function_of(int slot, const std::string& id) {
    return {{"bus", 0},
            {"slot", slot},
            {"function", 0},
            {"qdev_id", id},
            {"regions", json::array({{{"bar", 2}, {"size", 1 << 20}, {"address", 0xfd000000}}})}};
}

}  // namespace

std::string FakeMachines::answer(Machine& machine, const Json& request) {
    const bool oob = request.contains("exec-oob");
    const auto& command = request.at(oob ? "exec-oob" : "execute").get_ref<const std::string&>();
    const Json arguments = request.value("arguments", json::object());
    std::string id = request.contains("id") ? ", \"id\": " + request["id"].dump() : "";
    const std::string result =
        is_unknown(machine, command, arguments)
            ? not_found
            : R"({"return": )" + result_of(machine, command, arguments).dump();
    std::string lines = result + id + "}\r\n";
    if (command == "device_del") {
        const std::string gone = arguments.at("id");
        const Json data{{"device", gone}, {"path", peripheral + gone}};
        lines += R"({"timestamp": {"seconds": 1, "microseconds": 1}, "event": "DEVICE_DELETED",)"
                 R"( "data": )" +
                 data.dump() + "}\r\n";
    }
    return lines;
}

// It has no legacy device, and none that has left.
bool FakeMachines::is_unknown(const Machine& machine, const std::string& command,
                              const Json& arguments) {
    if (command == "device-list-properties") return arguments.at("typename") == "ivshmem";
    if (command != "qom-get") return false;
    const std::string path = arguments.at("path");
    return path.starts_with(peripheral) && !machine.devices.contains(last_word(path));
}

FakeMachines::Json FakeMachines::result_of(Machine& machine, const std::string& command,
                                           const Json& arguments) {
    if (command == "object-add") {
        const std::string path = arguments.at("mem-path");
        const std::uint64_t size = arguments.at("size");
        map_once(path, size);
        machine.backends[arguments.at("id")] = {path, size};
        return json::object();
    }
    if (command == "object-del") machine.backends.erase(arguments.at("id").get<std::string>());
    if (command == "device_add") machine.devices[arguments.at("id")] = arguments;
    if (command == "device_del") machine.devices.erase(arguments.at("id").get<std::string>());
    if (command == "qom-list") return list(machine, arguments.at("path"));
    if (command == "qom-get") return get(machine, arguments.at("path"), arguments.at("property"));
    if (command == "query-pci") return pci(machine);
    if (command == "query-status") return {{"status", "running"}, {"running", true}};
    if (command == "query-uuid") return {{"UUID", "11111111-0000-0000-0000-" + machine.name}};
    if (command == "qom-list-types") {
        return json::array({{{"name", "ivshmem-plain"}}, {{"name", "ivshmem-doorbell"}}});
    }
    if (command == "device-list-properties") return json::array({entry("addr", "int32")});
    if (command == "query-chardev" || command == "query-memdev" || command == "query-yank" ||
        command == "query-migrate-capabilities" || command == "query-named-block-nodes") {
        return json::array();
    }
    if (command == "human-monitor-command") return "";
    return json::object();
}

FakeMachines::Json FakeMachines::list(const Machine& machine, const std::string& path) {
    json all = json::array({entry("type", "string")});
    if (path == "/machine") {
        all.push_back(entry("i440fx", "child<i440FX-pcihost>"));
        all.push_back(entry("peripheral", "child<container>"));
    } else if (path == "/machine/i440fx") {
        all.push_back(entry("pci.0", "child<PCI>"));
    } else if (path == power) {
        all.push_back(entry("acpi-pcihp-io-base", "uint16"));
    } else if (path == bus) {
        all.push_back(entry("acpi-pcihp-bsel", "uint32"));
        for (const auto& [id, device] : machine.devices) {
            all.push_back(entry("child[" + id + "]", "link<device>"));
        }
    } else if (path == "/machine/peripheral") {
        for (const auto& [id, device] : machine.devices) {
            all.push_back(entry(id, "child<ivshmem-plain>"));
        }
    } else if (path == "/objects") {
        for (const auto& [id, backend] : machine.backends) {
            all.push_back(entry(id, "child<memory-backend-file>"));
        }
    }
    return all;
}

FakeMachines::Json FakeMachines::get(const Machine& machine, const std::string& path,
                                     const std::string& property) {
    if (path == "/machine") return "pc-i440fx-7.2-machine";
    if (path == bus && property == "hotplug-handler") return power;
    if (path == bus) return peripheral + property.substr(6, property.size() - 7);  // child[...]
    const auto backend = machine.backends.find(last_word(path));
    if (backend != machine.backends.end()) {
        if (property == "mem-path") return backend->second.path;
        if (property == "size") return backend->second.size;
        return true;
    }
    const auto device = machine.devices.find(last_word(path));
    if (device == machine.devices.end()) return 0;
    if (property == "parent_bus") return bus;
    if (property == "addr") return slot_of(device->second) * 8;
    if (property == "memdev") return "/objects/" + device->second.at("memdev").get<std::string>();
    if (property == "master") return device->second.at("master");
    return device->second.at("driver");
}

FakeMachines::Json FakeMachines::pci(const Machine& machine) {
    json functions = json::array({function_of(0, ""), function_of(1, "")});
    for (const auto& [id, device] : machine.devices) {
        functions.push_back(function_of(slot_of(device), id));
    }
    return json::array({{{"bus", 0}, {"devices", functions}}});
}

}  // namespace ivshmemd::bench
