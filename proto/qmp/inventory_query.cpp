#include "proto/qmp/inventory_query.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "lib/names.h"

namespace ivshmemd::qmp {
namespace {

constexpr const char* peripheral = "/machine/peripheral";
constexpr const char* peripheral_anon = "/machine/peripheral-anon";

// Where machines keep their root PCI bus.
struct RootBus {
    const char* path;
    const char* name;
};
constexpr std::array root_buses{RootBus{"/machine/i440fx/pci.0", "pci.0"},
                                RootBus{"/machine/q35/pcie.0", "pcie.0"}};

bool is_port(std::string_view type) {
    return type == "pcie-root-port" || type == "ioh3420" || type == "xio3130-downstream";
}

}  // namespace

std::vector<Question> InventoryQuery::first() {
    const auto needed = [this](const json* reply) {
        if (!reply) complete_ = false;
        return reply;
    };
    std::vector<Question> questions;
    questions.push_back({query_status(), [=, this](const json* reply) {
                             run_state_ = read_run_state(needed(reply)).value_or("");
                         }});
    for (const char* parent : {peripheral, peripheral_anon}) {
        questions.push_back({qom_list(parent), [=, this](const json* reply) {
                                 read_devices(needed(reply), parent);
                             }});
    }
    questions.push_back({qom_list("/objects"), [=, this](const json* reply) {
                             for (const QomEntry& entry : read_qom_list(needed(reply))) {
                                 if (entry.child_type().starts_with("memory-backend-")) {
                                     backends_.push_back({.id = entry.name, .path = {}});
                                 }
                             }
                         }});
    questions.push_back({Command("query-chardev"), [=, this](const json* reply) {
                             chardevs_ = read_chardev_labels(needed(reply));
                         }});
    questions.push_back({Command("query-pci"), [this](const json* reply) {
                             functions_ = read_pci(reply);  // machines without PCI have none
                         }});
    return questions;
}

void InventoryQuery::read_devices(const json* reply, const std::string& parent) {
    for (const QomEntry& entry : read_qom_list(reply)) {
        const std::string path = parent + "/" + entry.name;
        const bool anonymous = parent == peripheral_anon;
        if (is_port(entry.child_type()) && !anonymous) {
            Port port;
            port.bus.name = entry.name;
            port.bus.port = true;
            ports_.push_back(std::move(port));
        }
        const std::optional<Model> model = model_from_qom_type(entry.child_type());
        if (!model) continue;
        RawDevice raw;
        raw.entry.id = anonymous ? "" : entry.name;
        raw.entry.device.qom_path = path;
        raw.entry.device.spec.model = *model;
        const std::optional<std::string> ours = name_of_device_id(raw.entry.id);
        raw.entry.device.spec.name = ours.value_or(entry.name);
        raw.entry.device.origin = ours ? Origin::managed : Origin::foreign;
        devices_.push_back(std::move(raw));
    }
}

std::vector<Question> InventoryQuery::second() {
    std::vector<Question> questions;
    for (RawDevice& raw : devices_) ask_about(raw, questions);
    for (Backend& backend : backends_) ask_about(backend, questions);
    for (Port& port : ports_) ask_about(port, questions);
    for (const std::string& label : chardevs_) {
        questions.push_back({qom_get("/chardevs/" + label, "addr"), [=, this](const json* reply) {
                                 if (auto path = read_server_path(reply)) servers_[label] = *path;
                             }});
    }
    ask_about_root_bus(questions);
    ask_who_is_left(questions);
    return questions;
}

// A device may leave between the questions about it; the last ones tell.
void InventoryQuery::ask_who_is_left(std::vector<Question>& questions) {
    for (const char* parent : {peripheral, peripheral_anon}) {
        questions.push_back({qom_list(parent), [=, this](const json* reply) {
                                 if (reply) remaining_[parent] = read_qom_list(reply);
                             }});
    }
}

bool InventoryQuery::has_left(const std::string& path) const {
    const auto list = remaining_.find(path.substr(0, path.rfind('/')));
    if (list == remaining_.end()) return false;
    return std::none_of(list->second.begin(), list->second.end(),
                        [&](const QomEntry& entry) { return entry.name == last_part(path); });
}

void InventoryQuery::ask_about(RawDevice& raw, std::vector<Question>& questions) {
    const std::string& path = raw.entry.device.qom_path;
    DeviceSpec& spec = raw.entry.device.spec;
    const auto ask = [&](const char* property, std::function<void(const json*)> answer) {
        questions.push_back({qom_get(path, property), std::move(answer)});
    };
    ask("addr", [&raw](const json* reply) { raw.devfn = read_devfn(reply).value_or(-1); });
    ask("parent_bus", [&raw](const json* reply) {
        if (const std::string* bus = as_string(reply)) raw.bus_path = *bus;
    });
    if (spec.model == Model::legacy) {
        ask("role", [&spec](const json* reply) {
            const std::string* word = as_string(reply);
            const Result<Role> role = parse_role(word ? *word : "");
            spec.role = role ? *role : Role::automatic;
        });
        ask("msi", [&spec](const json* reply) { spec.msi = as_bool(reply); });
        ask("shm", [&raw](const json* reply) {
            const std::string* shm = as_string(reply);
            const std::string name = shm ? shm->substr(shm->starts_with('/') ? 1 : 0) : "";
            // One with a server answers with an empty name, which is no file but their directory.
            if (!name.empty()) raw.shm_file = "/dev/shm/" + name;
        });
    } else {
        ask("master", [&spec](const json* reply) {
            const std::string* word = as_string(reply);
            spec.role = role_from_master_property(word ? *word : "").value_or(Role::automatic);
        });
    }
    if (spec.model == Model::doorbell) spec.msi = true;  // it has no other interrupts
    if (spec.model == Model::plain) {
        ask("memdev", [&raw](const json* reply) {
            if (const std::string* link = as_string(reply)) raw.entry.backend_id = last_part(*link);
        });
    } else {
        ask("chardev", [&raw](const json* reply) {
            if (const std::string* chardev = as_string(reply)) raw.entry.chardev_id = *chardev;
        });
        ask("vectors",
            [&spec](const json* reply) { spec.vectors = as_number<std::uint32_t>(reply); });
        ask("ioeventfd", [&spec](const json* reply) { spec.ioeventfd = as_bool(reply); });
    }
}

void InventoryQuery::ask_about(Backend& backend, std::vector<Question>& questions) {
    const std::string path = "/objects/" + backend.id;
    questions.push_back({qom_get(path, "mem-path"), [&backend](const json* reply) {
                             if (const std::string* file = as_string(reply)) backend.path = *file;
                         }});
    questions.push_back({qom_get(path, "size"), [&backend](const json* reply) {
                             backend.size = read_size(reply).value_or(0);
                         }});
    questions.push_back({qom_get(path, "share"), [&backend](const json* reply) {
                             backend.share = as_bool(reply).value_or(false);
                         }});
}

void InventoryQuery::ask_about(Port& port, std::vector<Question>& questions) {
    const std::string device = std::string(peripheral) + "/" + port.bus.name;
    const std::string bus = device + "/" + port.bus.name;
    // QOM tells the truth even before firmware; query-pci shows such a port as empty.
    questions.push_back({qom_list(bus), [&port](const json* reply) {
                             for (const QomEntry& entry : read_qom_list(reply)) {
                                 if (entry.name.starts_with("child[")) port.bus.occupied.insert(0);
                             }
                         }});
    questions.push_back({qom_get(bus, "hotplug-handler"), [&port](const json* reply) {
                             const std::string* handler = as_string(reply);
                             port.bus.hotpluggable = handler && !handler->empty();
                         }});
    questions.push_back({qom_get(device, "pref64-reserve"), [&port](const json* reply) {
                             port.reserve = as_uint(reply).value_or(UINT64_MAX);
                         }});
}

void InventoryQuery::ask_about_root_bus(std::vector<Question>& questions) {
    for (const RootBus& bus : root_buses) {
        questions.push_back({qom_get(bus.path, "hotplug-handler"), [&bus, this](const json* reply) {
                                 const std::string* handler = as_string(reply);
                                 if (!handler) return;
                                 root_bus_name_ = bus.name;
                                 root_hotpluggable_ = !handler->empty();
                             }});
    }
}

}  // namespace ivshmemd::qmp
