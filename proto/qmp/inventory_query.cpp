#include "proto/qmp/inventory_query.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "lib/names.h"
#include "proto/qmp/pci_tree.h"

namespace ivshmemd::qmp {
namespace {

constexpr std::string_view objects = "/objects";

const std::array parents_of_devices{std::string(peripheral), std::string(peripheral_anon)};

}  // namespace

const json* InventoryQuery::needed(const Command& command, const Response& reply) {
    if (!reply.value && fault_.empty()) {
        fault_ = command.name + (command.arguments.empty() ? "" : " " + command.arguments) +
                 " failed: " + reply.error_class + ": " + printable(reply.description);
    }
    return reply.value;
}

std::vector<Question> InventoryQuery::next() {
    ++round_;
    if (round_ == 1) return first();
    std::vector<Question> questions;
    if (round_ == 2) questions = second();
    if (round_ == 3) questions = third();
    read_buses();
    std::vector<Question> missing = memo_.missing();
    questions.insert(questions.end(), std::make_move_iterator(missing.begin()),
                     std::make_move_iterator(missing.end()));
    return questions;
}

std::vector<Question> InventoryQuery::first() {
    memo_.begin();
    std::vector<Question> questions;
    const auto ask = [&](Command command, std::function<void(const Response&)> answer) {
        questions.push_back({std::move(command), std::move(answer)});
    };
    ask(query_status(), [this](const Response& reply) {
        run_state_ = read_run_state(needed(query_status(), reply)).value_or("");
    });
    for (const std::string& parent : parents_of_devices) {
        ask(qom_list(parent), [this, parent](const Response& reply) {
            read_devices(needed(qom_list(parent), reply), parent);
        });
    }
    ask(qom_list(objects), [this](const Response& reply) {
        // QEMU before 5.0 makes it with the first object.
        if (!reply.value && reply.error_class == "DeviceNotFound") return;
        for (const QomEntry& entry : read_qom_list(needed(qom_list(objects), reply))) {
            if (!entry.child_type().starts_with("memory-backend-")) continue;
            backends_.push_back(
                {.id = entry.name, .path = {}, .type = std::string(entry.child_type())});
        }
    });
    ask(Command("query-chardev"), [this](const Response& reply) {
        chardevs_ = read_chardev_labels(needed(Command("query-chardev"), reply));
    });
    ask(Command("query-pci"), [this](const Response& reply) {
        functions_ = read_pci(reply.value);  // machines without PCI have none
    });
    begin_search(memo_);
    for (Question& question : memo_.missing()) questions.push_back(std::move(question));
    return questions;
}

void InventoryQuery::read_devices(const json* reply, const std::string& parent) {
    memo_.put(parent, reply);
    for (const QomEntry& entry : read_qom_list(reply)) {
        const std::string path = parent + "/" + entry.name;
        const bool anonymous = parent == peripheral_anon;
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
    for (Backend& backend : backends_) {
        if (!has_no_file(backend)) ask_about(backend, questions);
    }
    for (const std::string& label : chardevs_) {
        questions.push_back(
            {qom_get("/chardevs/" + label, "addr"), [=, this](const Response& reply) {
                 if (auto path = read_server_path(reply.value)) servers_[label] = *path;
             }});
    }
    ask_who_is_left(questions);
    return questions;
}

// A device may leave between the questions about it; the last ones tell.
void InventoryQuery::ask_who_is_left(std::vector<Question>& questions) {
    for (const std::string& parent : parents_of_devices) {
        questions.push_back({qom_list(parent), [this, parent](const Response& reply) {
                                 if (reply.value) remaining_[parent] = read_qom_list(reply.value);
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
    const auto ask = [&](const char* property, std::function<void(const Response&)> answer) {
        questions.push_back({qom_get(path, property), std::move(answer)});
    };
    ask("addr",
        [&raw](const Response& reply) { raw.devfn = read_devfn(reply.value).value_or(-1); });
    ask("parent_bus", [&raw](const Response& reply) {
        if (const std::string* bus = as_string(reply.value)) raw.bus_path = *bus;
    });
    if (spec.model == Model::legacy) {
        ask("role", [&spec](const Response& reply) {
            const std::string* word = as_string(reply.value);
            const Result<Role> role = parse_role(word ? *word : "");
            spec.role = role ? *role : Role::automatic;
        });
        ask("msi", [&spec](const Response& reply) { spec.msi = as_bool(reply.value); });
        ask("shm", [&raw](const Response& reply) {
            const std::string* shm = as_string(reply.value);
            const std::string name = shm ? shm->substr(shm->starts_with('/') ? 1 : 0) : "";
            // One with a server answers with an empty name, which is no file but their directory.
            if (!name.empty()) raw.shm_file = "/dev/shm/" + name;
        });
    } else {
        ask("master", [&spec](const Response& reply) {
            const std::string* word = as_string(reply.value);
            spec.role = role_from_master_property(word ? *word : "").value_or(Role::automatic);
        });
    }
    if (spec.model == Model::doorbell) spec.msi = true;  // it has no other interrupts
    if (spec.model == Model::plain) {
        ask("memdev", [&raw](const Response& reply) {
            if (const std::string* link = as_string(reply.value))
                raw.entry.backend_id = last_part(*link);
        });
    } else {
        ask("chardev", [&raw](const Response& reply) {
            if (const std::string* chardev = as_string(reply.value))
                raw.entry.chardev_id = *chardev;
        });
        ask("vectors", [&spec](const Response& reply) {
            spec.vectors = as_number<std::uint32_t>(reply.value);
        });
        ask("ioeventfd", [&spec](const Response& reply) { spec.ioeventfd = as_bool(reply.value); });
    }
}

}  // namespace ivshmemd::qmp
