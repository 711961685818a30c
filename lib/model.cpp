#include "lib/model.h"

#include <array>

namespace ivshmemd {
namespace {

struct Row {
    Model model;
    std::string_view qom;
    std::string_view api;
};

constexpr std::array rows{
    Row{Model::legacy, "ivshmem", "ivshmem"},
    Row{Model::plain, "ivshmem-plain", "ivshmem_plain"},
    Row{Model::doorbell, "ivshmem-doorbell", "ivshmem_doorbell"},
};

}  // namespace

std::string_view qom_type(Model model) {
    return rows[static_cast<std::size_t>(model)].qom;
}

std::string_view api_name(Model model) {
    return rows[static_cast<std::size_t>(model)].api;
}

std::optional<Model> model_from_qom_type(std::string_view type) {
    for (const Row& row : rows) {
        if (row.qom == type) return row.model;
    }
    return std::nullopt;
}

std::optional<Model> model_from_api_name(std::string_view name) {
    for (const Row& row : rows) {
        if (row.api == name || row.qom == name) return row.model;
    }
    return std::nullopt;
}

}  // namespace ivshmemd
