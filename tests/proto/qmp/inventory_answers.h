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
    /// One more entry in a recorded list.
    Answers& with_child(std::string_view path, std::string_view name, std::string_view type) {
        const Document before = answers_[key_of(qom_list(path))];
        json list = before ? *before : json::array();
        list.push_back({{"name", name}, {"type", "child<" + std::string(type) + ">"}});
        return with(qom_list(path), std::move(list));
    }
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
};

inline Taken take(const Answers& answers, const std::string& region_dir = "/dev/shm") {
    InventoryQuery query(region_dir);
    for (const auto round : {&InventoryQuery::first, &InventoryQuery::second}) {
        for (const Question& question : (query.*round)()) {
            question.answer(answers.find(question.command));
        }
    }
    Taken taken;
    taken.inventory = query.result();
    taken.run_state = query.run_state();
    taken.complete = query.complete();
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
