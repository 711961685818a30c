#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/render.h"

namespace ivshmemd::ctl {

Runner declare_list(CLI::App& app) {
    const auto request = std::make_shared<json>(json::object());
    add_text(app, "VM", *request, "vm", "Only the devices of this VM");
    app.footer("Example: ivshmemctl list web");
    return [request](Session& session) {
        return session.finish(session.call("ListDevices", *request, "listing devices"),
                              render_devices);
    };
}

}  // namespace ivshmemd::ctl
