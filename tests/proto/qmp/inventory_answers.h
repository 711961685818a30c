#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "proto/qmp/inventory_query.h"
#include "tests/proto/qmp/recording.h"

namespace ivshmemd::qmp {

using test::Recording;

/// What a QEMU answers; nothing for a question that is not in here.
class Answers {
  public:
    Answers() = default;

    /// The latest recorded answers up to and including that step.
    Answers(const Recording& recording, std::string_view last_step) {
        for (const test::Exchange& each : recording.exchanges()) {
            if (!each.value.is_discarded()) answers_[key_of(each.command)] = share(each.value);
            if (each.step == last_step) return;
        }
        ADD_FAILURE() << recording.name() << " has no step " << last_step;
    }

    Answers& with(const Command& question, json answer) {
        answers_[key_of(question)] = share(std::move(answer));
        return *this;
    }
    Answers& with_get(std::string_view path, std::string_view property, json answer) {
        return with(qom_get(path, property), std::move(answer));
    }
    /// One more entry in a recorded list, unless it is in there.
    Answers& with_child(std::string_view path, std::string_view name, std::string_view type) {
        const Document before = answers_[key_of(qom_list(path))];
        json list = before ? *before : json::array();
        for (const json& each : list) {
            if (each.at("name") == name) return *this;
        }
        list.push_back({{"name", name}, {"type", "child<" + std::string(type) + ">"}});
        return with(qom_list(path), std::move(list));
    }
    /// One more property in a list.
    Answers& with_property(std::string_view path, std::string_view name,
                           std::string_view type = "str") {
        const Document before = answers_[key_of(qom_list(path))];
        json list = before ? *before : json::array();
        list.push_back({{"name", name}, {"type", type}});
        return with(qom_list(path), std::move(list));
    }
    /// A bus that ACPI does hotplug on unless `handler` is another, below a device that is listed
    /// already.
    Answers& with_bus(const std::string& path, std::string_view type,
                      std::string_view handler = acpi) {
        const std::size_t slash = path.rfind('/');
        with_child(path.substr(0, slash), path.substr(slash + 1), type);
        with_property(path, "hotplug-handler");
        if (handler == acpi) with_property(path, "acpi-pcihp-bsel", "uint32");
        with(qom_list(acpi), json::array({{{"name", "acpi-pcihp-io-base"}, {"type", "uint16"}}}));
        return with_get(path, "hotplug-handler", handler);
    }
    /// A device on a bus, as the bus sees it.
    Answers& with_member(const std::string& bus, int number, const std::string& path, int devfn) {
        const std::string link = "child[" + std::to_string(number) + "]";
        return with_property(bus, link, "link<x>")
            .with_get(bus, link, path)
            .with_get(path, "addr", devfn);
    }
    /// The machine itself: the host bridge, and where other devices are.
    Answers& with_machine(std::string_view host, std::string_view type) {
        without(qom_list("/machine"));
        return with_child("/machine", host, type)
            .with_child("/machine", "peripheral", "container")
            .with_child("/machine", "peripheral-anon", "container");
    }
    /// A port and its bus.
    Answers& with_port(const std::string& id, std::string_view handler = acpi) {
        const std::string path = "/machine/peripheral/" + id;
        for (const char* property : {"addr", "chassis", "slot", "hotplug", "pref64-reserve"}) {
            with_property(path, property);
        }
        return with_bus(path + "/" + id, "PCIE", handler);
    }
    static constexpr const char* acpi = "/machine/unattached/device[24]";

    Answers& without(const Command& question) {
        answers_.erase(key_of(question));
        return *this;
    }

    const json* find(const Command& question) const {
        const auto found = answers_.find(key_of(question));
        return found == answers_.end() ? nullptr : found->second.get();
    }

  private:
    static std::string key_of(const Command& question) {
        return question.name + " " + question.arguments;
    }
    static std::string key_of(const json& command) {
        const json arguments = command.value("arguments", json());
        return key_of(Command(command.at("execute").get<std::string>(), arguments));
    }
    static Document share(json answer) { return std::make_shared<const json>(std::move(answer)); }

    std::map<std::string, Document> answers_;
};

struct Taken {
    Inventory inventory;
    std::string run_state;
    bool complete = false;
    std::string fault;
};

inline Response response_of(const json* value) {
    if (value) return {value, "", ""};
    return {nullptr, "GenericError", "no such thing"};
}

/// Every question that is asked of a machine that answers so.
inline std::vector<Command> answer_all(InventoryQuery& query, const Answers& answers) {
    std::vector<Command> asked;
    while (true) {
        const std::vector<Question> questions = query.next();
        if (questions.empty()) return asked;
        for (const Question& question : questions) {
            asked.push_back(question.command);
            question.answer(response_of(answers.find(question.command)));
        }
    }
}

inline Taken take(const Answers& answers, const std::string& region_dir = "/dev/shm") {
    QomMemo memo;
    InventoryQuery query({region_dir}, memo);
    answer_all(query, answers);
    Taken taken;
    taken.inventory = query.result();
    taken.run_state = query.run_state();
    taken.complete = query.fault().empty();
    taken.fault = query.fault();
    return taken;
}

inline std::vector<std::string> device_ids(const Inventory& inventory) {
    std::vector<std::string> ids;
    for (const InventoryDevice& each : inventory.devices) ids.push_back(each.id);
    return ids;
}

inline std::vector<std::string> backend_ids(const Inventory& inventory) {
    std::vector<std::string> ids;
    for (const Backend& each : inventory.backends) ids.push_back(each.id);
    return ids;
}

inline const InventoryDevice& device_at(const Inventory& inventory, std::string_view path) {
    const InventoryDevice* found = find_by_path(inventory, path);
    if (!found) throw std::runtime_error("no device at " + std::string(path));
    return *found;
}

inline const Bus& bus_of(const Inventory& inventory, std::string_view name) {
    const Bus* found = find_bus(inventory, name);
    if (!found) throw std::runtime_error("no bus " + std::string(name));
    return *found;
}

}  // namespace ivshmemd::qmp
