#pragma once

#include <optional>
#include <string_view>

namespace ivshmemd {

/// The three PCI models QEMU has had. Names are matched whole: QEMU 10 also has ivshmem-flat, which
/// is not a PCI device.
enum class Model {
    legacy,    // ivshmem: QEMU up to 3.1, memory by shm name or by server
    plain,     // ivshmem-plain: memory only
    doorbell,  // ivshmem-doorbell: memory and interrupts from a server
};

/// QEMU's type name: "ivshmem", "ivshmem-plain", "ivshmem-doorbell".
std::string_view qom_type(Model model);

/// The API's enum value, which has no dashes: "ivshmem", "ivshmem_plain", "ivshmem_doorbell".
std::string_view api_name(Model model);

std::optional<Model> model_from_qom_type(std::string_view type);

/// Accepts dashes and underscores alike.
std::optional<Model> model_from_api_name(std::string_view name);

}  // namespace ivshmemd
