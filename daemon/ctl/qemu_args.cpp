#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "lib/shell_word.h"

namespace ivshmemd::ctl {
namespace {

// The device as it is, in the slot where its content looks for it.
std::string attach_command(const json& spec, const std::string& vm) {
    std::string command = "ivshmemctl attach " + shell_word(vm);
    command += " " + shell_word(text_field(&spec, "name"));
    command += " --model " + model_field(&spec, "model") + " --role master";
    for (const char* key : {"server", "vectors", "bus", "slot"}) {
        const std::string value = text_field(&spec, key);
        if (!value.empty()) command += std::string(" --") + key + " " + shell_word(value);
    }
    for (const char* key : {"msi", "ioeventfd"}) {
        if (text_field(&spec, key) == "no") command += std::string(" --") + key + " off";
    }
    return command;
}

// One argument per line: for mapfile, xargs -d '\n' and the like, so nothing may be escaped.
void render_arguments(const json& reply, const std::string& vm, Console& console) {
    const json* arguments = as_array(find(reply, "arguments"));
    if (!arguments) return;
    for (const json& argument : *arguments) {
        if (const std::string* text = as_string(&argument)) console.out << *text << '\n';
    }
    for (const json& spec : list_field(reply, "leftOut")) {
        print_message(text_field(&spec, "name") +
                          " is left out: no QEMU that talks to a doorbell server itself survives "
                          "peers that leave; plug it in while the destination waits: " +
                          attach_command(spec, vm),
                      console);
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
        return session.finish(answer, [&](const json& reply, Console& console) {
            render_arguments(reply, *vm, console);
        });
    };
}

}  // namespace ivshmemd::ctl
