#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/device.h"
#include "lib/result.h"
#include "lib/saved_state.h"

// Devices that the configuration declares: what it takes to have them in their VM.
namespace ivshmemd {

/// By VM, in the order of the configuration.
using Declarations = std::map<std::string, std::vector<DeviceRequest>>;

/// Adds a declaration, unless no QEMU could ever meet it: BadSize (`size_limit` in bytes),
/// ConfigUnsupported; DeviceExists when the VM has one of that name, MasterExists when the same
/// memory has a master already, in any VM.
Result<void> add_declaration(Declarations& declarations, const std::string& vm,
                             DeviceRequest request, std::uint64_t size_limit);

/// Null when the device is not declared.
const DeviceRequest* find_declaration(const Declarations& declarations, std::string_view vm,
                                      std::string_view device);

/// Null when nothing is remembered.
const DeclaredRecord* find_declared_record(const std::vector<DeclaredRecord>& records,
                                           std::string_view vm, std::string_view device);

/// The request that a declaration stands for. Where it names no model, that is the one which the
/// device had the first time, if that can do what is declared: another QEMU must not silently give
/// the guest another device. `record` may be null.
DeviceRequest request_declared(const DeviceRequest& declared, const DeclaredRecord* record);

enum class DeclaredStep {
    none,    // it is as declared, or nobody's business
    attach,  // it is missing; or a device attached by hand is in its way, which attaching will say
    detach,  // it was declared, and is no longer, or otherwise: then it is attached anew
    wait,    // it is leaving, and only then something can be done
};

/// What to do for one device. Each pointer may be null: not declared, nothing remembered, not
/// there. `run` tells the QEMU process.
DeclaredStep next_step(const DeviceRequest* declared, const DeclaredRecord* record,
                       const Device* present, std::string_view run);

/// Brings what is remembered into line with the configuration: models of devices that are no longer
/// declared, or with another model, are forgotten. One that may still be there because of it is
/// remembered until it has been detached; VMs that are not among `vms` are forgotten.
void follow_declarations(std::vector<DeclaredRecord>& records, const Declarations& declarations,
                         const std::vector<std::string>& vms);

}  // namespace ivshmemd
