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

// QEMUs that do not know such a thing map the beginning, to be written to.
void InventoryQuery::ask_about_window(Backend& backend, std::vector<Question>& questions) {
    const std::string path = "/objects/" + backend.id;
    questions.push_back({qom_get(path, "offset"), [&backend](const Response& reply) {
                             backend.offset = read_size(reply.value).value_or(0);
                         }});
    questions.push_back({qom_get(path, "readonly"), [&backend](const Response& reply) {
                             backend.read_only = as_bool(reply.value).value_or(false);
                         }});
    questions.push_back({qom_get(path, "prealloc"), [&backend](const Response& reply) {
                             backend.prealloc = as_bool(reply.value).value_or(false);
                         }});
    questions.push_back({qom_get(path, "host-nodes"), [&backend](const Response& reply) {
                             const json* nodes = as_array(reply.value);
                             if (nodes && nodes->size() == 1) {
                                 backend.numa = as_number<int>(&nodes->front());
                             }
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
