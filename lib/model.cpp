#include "lib/model.h"

#include <array>

namespace ivshmemd {
namespace {

struct ModelNames {
    Model model;
    std::string_view qom;
    std::string_view api;
};

constexpr std::array model_names{
    ModelNames{Model::legacy, "ivshmem", "ivshmem"},
    ModelNames{Model::plain, "ivshmem-plain", "ivshmem_plain"},
    ModelNames{Model::doorbell, "ivshmem-doorbell", "ivshmem_doorbell"},
};

}  // namespace

std::string_view qom_type(Model model) {
    return model_names[static_cast<std::size_t>(model)].qom;
}

std::string_view api_name(Model model) {
    return model_names[static_cast<std::size_t>(model)].api;
}

std::optional<Model> model_from_qom_type(std::string_view type) {
    for (const ModelNames& names : model_names) {
        if (names.qom == type) return names.model;
    }
    return std::nullopt;
}

std::optional<Model> model_from_api_name(std::string_view name) {
    for (const ModelNames& names : model_names) {
        if (names.api == name || names.qom == name) return names.model;
    }
    return std::nullopt;
}

}  // namespace ivshmemd
