#pragma once

#include <set>
#include <string>

#include "lib/model.h"
#include "lib/version.h"

namespace ivshmemd {

/// How the models of a QEMU were found out.
enum class ProbeMethod {
    qom_list_types,          // one query; only where loading all of QEMU's modules is safe
    device_list_properties,  // one query a model; always safe
};

/// What one QEMU can do; fixed for the life of its process.
struct Capabilities {
    std::set<Model> models;
    Version version;
    std::string machine_type;  // e.g. "pc-i440fx-7.2-machine"
    ProbeMethod probe_method = ProbeMethod::device_list_properties;
    bool only_migratable = false;          // it was started with -only-migratable
    std::string bridge{};                  // the program that stands between us and it; else empty
    std::set<std::string> started_with{};  // names of devices that its command line has
    bool accelerated = false;              // its processors run under KVM
    // And the kernel delivers interrupts: QEMU itself watches no vector's descriptor.
    bool kvm = false;
};

std::string_view probe_method_name(ProbeMethod method);

}  // namespace ivshmemd
