#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "proto/qmp/inventory_query.h"

// What is asked about memory backends.

namespace ivshmemd::qmp {
namespace {

// Kinds of memory without a file.
constexpr std::array without_file{"memory-backend-ram", "memory-backend-memfd",
                                  "memory-backend-shm", "memory-backend-epc"};

}  // namespace

bool InventoryQuery::has_no_file(const Backend& backend) {
    return std::find(without_file.begin(), without_file.end(), backend.type) != without_file.end();
}

bool InventoryQuery::is_shown(const Backend& backend) const {
    return std::any_of(devices_.begin(), devices_.end(),
                       [&](const RawDevice& raw) { return raw.entry.backend_id == backend.id; });
}

// Memory that is no file, and the window of a file, matter where a device shows them.
std::vector<Question> InventoryQuery::third() {
    std::vector<Question> questions;
    const bool is_any_shown = std::any_of(backends_.begin(), backends_.end(),
                                          [&](const Backend& each) { return is_shown(each); });
    if (is_any_shown) {
        questions.push_back({Command("query-memdev"),
                             [this](const Response& reply) { read_memory_devices(reply.value); }});
    }
    for (Backend& backend : backends_) {
        if (!is_shown(backend)) continue;
        if (has_no_file(backend)) {
            ask_about(backend, questions);
        } else {
            ask_about_window(backend, questions);
        }
    }
    return questions;
}

// One answer for all of them. A backend may come from several nodes: then none is told of.
void InventoryQuery::read_memory_devices(const json* reply) {
    const json* list = as_array(reply);
    for (std::size_t i = 0; list && i < list->size(); ++i) {
        const json& each = (*list)[i];
        const std::string* id = as_string(find(each, "id"));
        for (Backend& backend : backends_) {
            if (!id || backend.id != *id) continue;
            backend.prealloc = as_bool(find(each, "prealloc")).value_or(false);
            const json* nodes = as_array(find(each, "host-nodes"));
            const bool is_one = nodes && nodes->size() == 1;
            if (is_one) backend.numa = as_number<int>(&nodes->front());
        }
    }
}

// QEMUs that do not know such a thing map the beginning, to be written to.
void InventoryQuery::ask_about_window(Backend& backend, std::vector<Question>& questions) {
    const std::string path = "/objects/" + backend.id;
    questions.push_back({qom_get(path, "offset"), [&backend](const Response& reply) {
                             backend.offset = read_size(reply.value).value_or(0);
                         }});
    questions.push_back({qom_get(path, "readonly"), [&backend](const Response& reply) {
                             backend.read_only = as_bool(reply.value).value_or(false);
                         }});
    questions.push_back({qom_get(path, "discard-data"), [&backend](const Response& reply) {
                             backend.discarded = as_bool(reply.value).value_or(false);
                         }});
}

void InventoryQuery::ask_about(Backend& backend, std::vector<Question>& questions) {
    const std::string path = "/objects/" + backend.id;
    questions.push_back({qom_get(path, "mem-path"), [&backend](const Response& reply) {
                             if (const std::string* file = as_string(reply.value))
                                 backend.path = *file;
                         }});
    questions.push_back({qom_get(path, "size"), [&backend](const Response& reply) {
                             backend.size = read_size(reply.value).value_or(0);
                         }});
    questions.push_back({qom_get(path, "share"), [&backend](const Response& reply) {
                             backend.share = as_bool(reply.value).value_or(false);
                         }});
}

}  // namespace ivshmemd::qmp
