#include "proto/qmp/receiver_query.h"

#include <array>
#include <nlohmann/json.hpp>

#include "lib/names.h"
#include "proto/qmp/queries.h"

namespace ivshmemd::qmp {
namespace {

// Those that change what QEMU maps, how it names it in a migration, or whether it can. Where memory
// is reserved or placed is the destination's own affair, and `discard-data` would wipe the region
// of everybody.
constexpr std::array receiver_options{"align", "pmem", "prealloc", "rom",
                                      "x-use-canonical-path-for-ramblock-id"};

// As an option of -object; empty for the default, which is off or 0. For `rom` that is as
// `readonly` says: QEMU has made of its auto what it is.
std::string spell_option(const Backend& backend, const std::string& name, const json* value) {
    const std::string* word = as_string(value);
    if (word) return backend.read_only && *word == "off" ? "," + name + "=off" : "";
    if (as_bool(value) == true) return "," + name + "=on";
    const std::uint64_t number = read_size(value).value_or(0);
    return number > 0 ? "," + name + "=" + std::to_string(number) : "";
}

}  // namespace

std::vector<Question> ReceiverQuery::next() {
    ++round_;
    if (round_ == 1) return first();
    return round_ == 2 ? second() : std::vector<Question>();
}

std::vector<Question> ReceiverQuery::first() {
    std::vector<Question> questions;
    for (const InventoryDevice& entry : inventory_.devices) {
        if (blocks_migration(entry.device)) continue;
        const std::string& path = entry.device.qom_path;
        questions.push_back({qom_get(path, "multifunction"), [&, this](const Response& reply) {
                                 if (as_bool(reply.value) == true) {
                                     facts_.multifunction.insert(path);
                                 }
                             }});
        const Backend* backend = find_backend(inventory_, entry.backend_id);
        if (!backend) continue;
        questions.push_back(
            {qom_list("/objects/" + backend->id), [backend, this](const Response& reply) {
                 if (!reply.value && fault_.empty()) {
                     fault_ = backend->id + " is gone: " + printable(reply.description);
                 }
                 for (const QomEntry& each : read_qom_list(reply.value)) {
                     listed_[backend->id].insert(each.name);
                 }
             }});
    }
    return questions;
}

std::vector<Question> ReceiverQuery::second() {
    std::vector<Question> questions;
    for (const auto& [id, names] : listed_) {
        const Backend* backend = find_backend(inventory_, id);
        for (const char* name : receiver_options) {
            if (!names.contains(name)) continue;
            std::string& options = facts_.options[id];
            questions.push_back(
                {qom_get("/objects/" + id, name), [&options, backend, name](const Response& reply) {
                     options += spell_option(*backend, name, reply.value);
                 }});
        }
    }
    return questions;
}

}  // namespace ivshmemd::qmp
