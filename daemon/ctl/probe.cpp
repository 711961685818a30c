#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/render.h"

namespace ivshmemd::ctl {

Runner declare_probe(CLI::App& app) {
    const auto vm = std::make_shared<std::string>();
    app.add_option("VM", *vm, "Name of the VM")->required();
    app.footer("Example: ivshmemctl probe web");
    return [vm](Session& session) {
        const Answer answer = session.call("Probe", {{"vm", *vm}}, "probing " + *vm);
        return session.finish(answer, render_capabilities);
    };
}

}  // namespace ivshmemd::ctl
