#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/render.h"

namespace ivshmemd::ctl {
namespace {

struct Arguments {
    std::string vm;
    std::string name;
};

// The reply to ListDevices cut down to the one asked for. Foreign devices can share a name.
Answer select(const Answer& all, const Arguments& wanted) {
    json devices = json::array();
    if (const json* list = as_array(find(*all.parameters, "devices"))) {
        for (const json& device : *list) {
            if (text_field(&device, "name") == wanted.name) devices.push_back(device);
        }
    }
    if (devices.empty()) {
        const std::string message = "VM '" + wanted.vm + "' has no device '" + wanted.name +
                                    "'; see 'ivshmemctl list " + wanted.vm + "'";
        return client_error("NoSuchDevice", message, exit_code(ErrorKind::no_such_device),
                            {{"vm", wanted.vm}});
    }
    json reply = json::object();
    reply["devices"] = std::move(devices);
    return success(std::make_shared<const json>(std::move(reply)));
}

int run_show(const Arguments& arguments, Session& session) {
    const Answer all = session.call("ListDevices", {{"vm", arguments.vm}}, "listing devices");
    return session.finish(all ? select(all, arguments) : all, render_device_details);
}

}  // namespace

Runner declare_show(CLI::App& app) {
    const auto arguments = std::make_shared<Arguments>();
    app.add_option("VM", arguments->vm, "Name of the VM")->required();
    app.add_option("NAME", arguments->name, "Name of the device")->required();
    app.footer("Example: ivshmemctl show web shm0");
    return [arguments](Session& session) { return run_show(*arguments, session); };
}

}  // namespace ivshmemd::ctl
