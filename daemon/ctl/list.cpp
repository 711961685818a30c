#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/render.h"

namespace ivshmemd::ctl {
namespace {

// What is out for clients, and so in no row: for people, beside the table.
void tell_holds(const json& reply, Console& console) {
    for (const json& hold : list_field(reply, "holds")) {
        std::string devices;
        for (const json& each : list_field(hold, "devices")) {
            devices +=
                (devices.empty() ? "" : ", ") + (each.is_string() ? each.get<std::string>() : "-");
        }
        const std::string phase = text_field(&hold, "phase");
        std::string text =
            "VM " + text_field(&hold, "vm") + ": " + (devices.empty() ? "nothing" : devices) +
            (phase == "taking" ? " to be taken out: " : " out: ") + text_field(&hold, "text");
        const std::string mend = text_field(&hold, "mend");
        if (!mend.empty()) text += "; '" + mend + "' plugs in again";
        print_message(text, console);
    }
}

}  // namespace

Runner declare_list(CLI::App& app) {
    const auto request = std::make_shared<json>(json::object());
    add_text(app, "VM", *request, "vm", "Only the devices of this VM");
    app.footer("Example: ivshmemctl list web");
    return [request](Session& session) {
        return session.finish(session.call("ListDevices", *request, "listing devices"),
                              [](const json& reply, Console& console) {
                                  render_devices(reply, console);
                                  tell_holds(reply, console);
                              });
    };
}

}  // namespace ivshmemd::ctl
