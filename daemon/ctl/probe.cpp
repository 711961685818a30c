#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/only_vm.h"
#include "daemon/ctl/render.h"

namespace ivshmemd::ctl {

Runner declare_probe(CLI::App& app) {
    const auto request = std::make_shared<json>(json::object());
    add_text(app, "VM", *request, "vm", "Name of the VM (default: the only one)");
    app.footer("Example: ivshmemctl probe web");
    return [request](Session& session) {
        const Answer found = default_to_only_vm(*request, session);
        if (!found) return print_error(found, session.json_mode(), session.console());
        const Answer answer =
            session.call("Probe", *request, "probing " + text_field(request.get(), "vm"));
        return session.finish(answer, render_capabilities);
    };
}

}  // namespace ivshmemd::ctl
