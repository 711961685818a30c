#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/render.h"

namespace ivshmemd::ctl {

Runner declare_vms(CLI::App& app) {
    app.footer("Example: ivshmemctl vms --json");
    return [](Session& session) {
        const Answer answer = session.call("ListVms", json::object(), "listing VMs");
        return session.finish(answer, render_vms);
    };
}

}  // namespace ivshmemd::ctl
