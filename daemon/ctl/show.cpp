#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/only_vm.h"
#include "daemon/ctl/render.h"

namespace ivshmemd::ctl {
namespace {

// The reply to ListDevices cut down to the one asked for. Foreign devices can share a name.
Answer select(const Answer& all, const json& wanted) {
    const std::string vm = text_field(&wanted, "vm");
    const std::string name = text_field(&wanted, "name");
    json devices = json::array();
    if (const json* list = as_array(find(*all.parameters, "devices"))) {
        for (const json& device : *list) {
            if (text_field(&device, "name") == name) devices.push_back(device);
        }
    }
    if (devices.empty()) {
        const std::string message =
            "VM '" + vm + "' has no device '" + name + "'; see 'ivshmemctl list " + vm + "'";
        return client_error("NoSuchDevice", message, exit_code(ErrorKind::no_such_device),
                            {{"vm", vm}});
    }
    json reply = json::object();
    reply["devices"] = std::move(devices);
    return success(std::make_shared<const json>(std::move(reply)));
}

Answer name_is_missing(const std::string& vm) {
    return usage_error("NAME is missing: 'ivshmemctl show " + vm + " NAME'; see 'ivshmemctl list " +
                       vm + "'");
}

// A single word without a slash is the name of a device, of the only VM.
Answer name_both(json& wanted, Session& session) {
    if (split_device(wanted)) return success(nullptr);
    json request = json::object();
    std::vector<std::string> vms;
    Answer found = default_to_only_vm(request, session, &vms);
    const std::string word = text_field(&wanted, "vm");
    const bool is_vm = std::find(vms.begin(), vms.end(), word) != vms.end();
    if (!found) return is_vm ? name_is_missing(word) : found;
    wanted["name"] = word;
    wanted["vm"] = request["vm"];
    return found;
}

int run_show(json& wanted, Session& session) {
    const Answer named = name_both(wanted, session);
    if (!named) return print_error(named, session.json_mode(), session.console());
    const Answer all = session.call("ListDevices", {{"vm", wanted["vm"]}}, "listing devices");
    const Answer selected = all ? select(all, wanted) : all;
    const bool only_vm_was_named = all && !selected && wanted["vm"] == wanted["name"];
    return session.finish(only_vm_was_named ? name_is_missing(text_field(&wanted, "vm")) : selected,
                          render_device_details);
}

}  // namespace

Runner declare_show(CLI::App& app) {
    const auto wanted = std::make_shared<json>(json::object());
    add_device(app, *wanted, "Name of the device");
    app.footer("Where there is one VM alone, NAME alone does.\nExample: ivshmemctl show web shm0");
    return [wanted](Session& session) { return run_show(*wanted, session); };
}

}  // namespace ivshmemd::ctl
