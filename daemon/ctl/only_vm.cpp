#include "daemon/ctl/only_vm.h"

#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"
#include "daemon/ctl/session.h"

namespace ivshmemd::ctl {
namespace {

Answer which_vm(const json& vms) {
    if (vms.empty()) return usage_error("there is no VM; see 'ivshmemctl doctor'");
    std::string names;
    for (const json& vm : vms) names += (names.empty() ? "" : ", ") + text_field(&vm, "name");
    return usage_error("VM is required where there are several: " + names);
}

}  // namespace

Answer default_to_only_vm(json& request, Session& session, std::vector<std::string>* names) {
    if (find(request, "vm") != nullptr) return success(nullptr);
    const Answer all = session.call("ListVms", json::object(), "listing VMs");
    if (!all) return all;
    const json& vms = list_field(*all.parameters, "vms");
    for (const json& vm : vms) {
        if (names) names->push_back(text_field(&vm, "name"));
    }
    if (vms.size() != 1) return which_vm(vms);
    request["vm"] = text_field(&vms.front(), "name");
    return success(nullptr);
}

}  // namespace ivshmemd::ctl
