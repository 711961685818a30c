#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"

namespace ivshmemd::ctl {
namespace {

// One argument per line: for mapfile, xargs -d '\n' and the like, so nothing may be escaped.
void render_arguments(const json& reply, Console& console) {
    const json* arguments = as_array(find(reply, "arguments"));
    if (!arguments) return;
    for (const json& argument : *arguments) {
        if (const std::string* text = as_string(&argument)) console.out << *text << '\n';
    }
}

}  // namespace

Runner declare_qemu_args(CLI::App& app) {
    const auto vm = std::make_shared<std::string>();
    app.add_option("VM", *vm, "Name of the VM")->required();
    app.footer(R"(One argument per line, for the VM's masters to be received.
Example:
  mapfile -t args < <(ivshmemctl qemu-args web)
  qemu-system-x86_64 ... -incoming tcp:0:4444 "${args[@]}")");
    return [vm](Session& session) {
        const Answer answer = session.call("QemuArguments", {{"vm", *vm}}, "looking at " + *vm);
        return session.finish(answer, render_arguments);
    };
}

}  // namespace ivshmemd::ctl
