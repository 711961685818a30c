#include "tests/daemon/fake_pc.h"
#include "tests/daemon/fake_pc_words.h"

// What the machine answers to questions.
namespace ivshmemd::test {

using nlohmann::json;

namespace {

const std::string root = "/machine/i440fx/pci.0";
const std::string host = "/machine/unattached/device[0]";
const std::string chipset = "/machine/unattached/device[2]";
const std::string pm = "/machine/unattached/device[1]";

json pci_function(int slot, int function) {
    return {{"bus", 0},
            {"slot", slot},
            {"function", function},
            {"qdev_id", ""},
            {"regions", json::array()}};
}

json entry(const std::string& name, const std::string& type) {
    return {{"name", name}, {"type", type}};
}

}  // namespace

json FakePc::query_pci(const json&) {
    json functions = json::array({pci_function(0, 0), pci_function(1, 0), pci_function(1, 1)});
    for (const auto& [id, device] : devices_) {
        json function = pci_function(device.slot, 0);
        function["qdev_id"] = id;
        const json address = device.mapped ? json(0xfd000000) : json(-1);
        const auto backend = backends_.find(device.backend);
        if (backend != backends_.end()) {
            function["regions"].push_back(
                {{"bar", 2}, {"size", backend->second.size}, {"address", address}});
        }
        functions.push_back(std::move(function));
    }
    return FakeQemu::ok(json::array({{{"bus", 0}, {"devices", functions}}}));
}

json FakePc::query_status(const json&) {
    return FakeQemu::ok({{"status", run_state_}, {"running", run_state_ == "running"}});
}

json FakePc::query_uuid(const json&) {
    return FakeQemu::ok({{"UUID", uuid_}});
}

json FakePc::query_chardev(const json&) {
    json list = json::array({{{"label", "compat_monitor0"}, {"filename", "unix:"}}});
    for (const auto& [id, name] : chardevs_) list.push_back({{"label", id}, {"filename", "fd"}});
    return FakeQemu::ok(list);
}

json FakePc::qom_list(const json& arguments) {
    const std::string path = text_of(arguments, "path");
    json entries = json::array({entry("type", "string")});
    if (path == "/machine") {
        entries.push_back(entry("i440fx", "child<i440FX-pcihost>"));
        entries.push_back(entry("peripheral", "child<container>"));
    } else if (path == "/machine/i440fx") {
        entries.push_back(entry("pci.0", "child<PCI>"));
    } else if (path == pm) {
        entries.push_back(entry("acpi-pcihp-io-base", "uint16"));
    } else if (path == root) {
        return FakeQemu::ok(list_root());
    } else if (path == "/machine/peripheral") {
        for (const auto& [id, device] : devices_) {
            entries.push_back(entry(id, "child<" + device.driver + ">"));
        }
    } else if (path == "/objects") {
        for (const auto& [id, backend] : backends_) {
            entries.push_back(entry(id, "child<memory-backend-file>"));
        }
    }
    return FakeQemu::ok(entries);
}

json FakePc::qom_get(const json& arguments) {
    const std::string path = text_of(arguments, "path");
    const std::string property = text_of(arguments, "property");
    if (path == "/machine" && property == "type") return FakeQemu::ok("pc-i440fx-7.2-machine");
    if (path == root) return get_of_root(property);
    if (path == host || path == chipset) return FakeQemu::ok(path == host ? 0 : 1 << 3);
    const std::string id = path.substr(path.rfind('/') + 1);
    const auto device = devices_.find(id);
    if (path.starts_with(peripheral) && device != devices_.end()) {
        return get_of_device(device->second, property);
    }
    const auto chardev = chardevs_.find(id);
    if (path.starts_with("/chardevs/") && chardev != chardevs_.end()) {
        return FakeQemu::ok({{"type", "fd"}, {"str", chardev->second}});
    }
    const auto backend = backends_.find(id);
    if (path.starts_with("/objects/") && backend != backends_.end()) {
        return get_of_backend(backend->second, property);
    }
    return FakeQemu::error("DeviceNotFound", "Device '" + path + "' not found");
}

void FakePc::insert(const std::string& id, Device device) {
    device.link = ++last_link_;
    devices_[id] = std::move(device);
}

json FakePc::list_root() const {
    json entries = json::array({entry("acpi-pcihp-bsel", "uint32")});
    const auto add = [&](int link) {
        entries.push_back(entry("child[" + std::to_string(link) + "]", "link<device>"));
    };
    add(0);
    add(1);
    for (const auto& [id, device] : devices_) add(device.link);
    return entries;
}

json FakePc::get_of_root(const std::string& property) const {
    if (property == "hotplug-handler") return FakeQemu::ok(pm);
    if (property == "child[0]") return FakeQemu::ok(host);
    if (property == "child[1]") return FakeQemu::ok(chipset);
    for (const auto& [id, device] : devices_) {
        const bool meant = property == "child[" + std::to_string(device.link) + "]";
        if (meant) return FakeQemu::ok(peripheral + id);
    }
    return generic("Property 'PCI." + property + "' not found");
}

json FakePc::get_of_device(const Device& device, const std::string& property) const {
    if (property == "type") return FakeQemu::ok(device.driver);
    if (property == "addr") return FakeQemu::ok(device.slot * 8);
    if (property == "parent_bus") return FakeQemu::ok("/machine/i440fx/pci.0");
    if (property == "master") return FakeQemu::ok(device.master);
    if (property == "memdev") return FakeQemu::ok("/objects/" + device.backend);
    // Legacy devices give their size back as it was said.
    if (device.given.contains(property)) return FakeQemu::ok(device.given[property]);
    return generic("Property '" + device.driver + "." + property + "' not found");
}

json FakePc::get_of_backend(const Backend& backend, const std::string& property) const {
    if (property == "mem-path") return FakeQemu::ok(backend.path);
    if (property == "size") return FakeQemu::ok(backend.size);
    if (property == "share") return FakeQemu::ok(true);
    return generic("Property 'memory-backend-file." + property + "' not found");
}

json FakePc::list_types(const json&) {
    return FakeQemu::ok(json::array({{{"name", "ivshmem-plain"}}, {{"name", "ivshmem-doorbell"}}}));
}

json FakePc::list_properties(const json& arguments) {
    const std::string type = text_of(arguments, "typename");
    if (type == "ivshmem-plain" || type == "ivshmem-doorbell") {
        return FakeQemu::ok(json::array({entry("addr", "int32")}));
    }
    return FakeQemu::error("DeviceNotFound", "Device '" + type + "' not found");
}

json FakePc::info_ramblock(const json&) {
    std::string lines =
        "              Block Name    PSize              Offset               Used\r\n";
    const auto add = [&](const std::string& name) { lines += name + "    4 KiB  0x0\r\n"; };
    for (const auto& [id, device] : devices_) {
        add("0000:00:0" + std::to_string(device.slot) + ".0/" + device.backend);
    }
    if (!lingering_.empty()) add("0000:00:02.0/" + lingering_);
    return FakeQemu::ok(lines);
}

}  // namespace ivshmemd::test
