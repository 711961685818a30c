#include "lib/declared_devices.h"

#include <algorithm>

#include "lib/equality.h"
#include "lib/resolve.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

std::string memory_of(const DeviceRequest& request) {
    if (request.server) return "server " + *request.server;
    return "region " + request.region.value_or(request.name);
}

// Legacy devices take whatever any model takes.
Result<void> check_alone(const DeviceRequest& request, std::uint64_t size_limit) {
    const Result<void> options = check_options(request.model.value_or(Model::legacy), request);
    if (!options || !request.size) return options;
    return check_size(*request.size, size_limit);
}

Result<void> check_only_master(const Declarations& declarations, const DeviceRequest& request) {
    if (request.role != Role::master) return {};
    const std::string memory = memory_of(request);
    for (const auto& [vm, devices] : declarations) {
        for (const DeviceRequest& each : devices) {
            if (each.role != Role::master || memory_of(each) != memory) continue;
            const std::string holder = vm + "/" + each.name;
            return Error(ErrorKind::master_exists, memory + " has a master already: " + holder,
                         {{"holder", holder}});
        }
    }
    return {};
}

DeclaredFate fate_of(const DeclaredRecord* record, std::string_view run) {
    return record && record->run == run ? record->fate : DeclaredFate::none;
}

}  // namespace

Result<void> add_declaration(Declarations& declarations, const std::string& vm,
                             DeviceRequest request, std::uint64_t size_limit) {
    const Result<void> alone = check_alone(request, size_limit);
    if (!alone) return alone;
    if (find_declaration(declarations, vm, request.name)) {
        return Error(ErrorKind::device_exists,
                     "two devices of VM " + vm + " are named " + request.name);
    }
    const Result<void> only = check_only_master(declarations, request);
    if (!only) return only;
    declarations[vm].push_back(std::move(request));
    return {};
}

const DeviceRequest* find_declaration(const Declarations& declarations, std::string_view vm,
                                      std::string_view device) {
    const auto devices = declarations.find(std::string(vm));
    if (devices == declarations.end()) return nullptr;
    for (const DeviceRequest& each : devices->second) {
        if (each.name == device) return &each;
    }
    return nullptr;
}

const DeclaredRecord* find_declared_record(const std::vector<DeclaredRecord>& records,
                                           std::string_view vm, std::string_view device) {
    for (const DeclaredRecord& each : records) {
        if (each.vm == vm && each.device == device) return &each;
    }
    return nullptr;
}

DeviceRequest request_declared(const DeviceRequest& declared, const DeclaredRecord* record) {
    DeviceRequest request = declared;
    const bool pinned = !request.model && record && record->model;
    if (pinned && check_options(*record->model, declared)) request.model = record->model;
    return request;
}

DeclaredStep next_step(const DeviceRequest* declared, const DeclaredRecord* record,
                       const Device* present, std::string_view run) {
    const DeclaredFate fate = fate_of(record, run);
    // One that is there although it was taken out by hand has a guest that refused.
    const bool ours = fate != DeclaredFate::none;
    const bool unwanted = declared && fate == DeclaredFate::away;
    if (!declared && !(ours && present)) return DeclaredStep::none;
    if (!present) return unwanted ? DeclaredStep::none : DeclaredStep::attach;
    if (present->state == DeviceState::detaching) {
        return unwanted ? DeclaredStep::none : DeclaredStep::wait;
    }
    if (!declared) return DeclaredStep::detach;
    if (check_equal(request_declared(*declared, record), present->spec)) return DeclaredStep::none;
    return ours ? DeclaredStep::detach : DeclaredStep::attach;
}

void follow_declarations(std::vector<DeclaredRecord>& records, const Declarations& declarations,
                         const std::vector<std::string>& vms) {
    for (DeclaredRecord& each : records) {
        const DeviceRequest* declared = find_declaration(declarations, each.vm, each.device);
        if (!declared || (declared->model && declared->model != each.model)) each.model.reset();
    }
    std::erase_if(records, [&](const DeclaredRecord& each) {
        if (find_declaration(declarations, each.vm, each.device)) return false;
        const bool known = std::find(vms.begin(), vms.end(), each.vm) != vms.end();
        return !known || each.fate == DeclaredFate::none;
    });
}

}  // namespace ivshmemd
