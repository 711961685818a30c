#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/only_vm.h"
#include "daemon/ctl/table.h"

namespace ivshmemd::ctl {
namespace {

void render_reasons(const json& reply, Console& console) {
    const json* reasons = as_array(find(reply, "reasons"));
    if (!reasons || reasons->empty()) return;
    Table table({"SEVERITY", "SOURCE", "DEVICE", "REASON"});
    for (const json& reason : *reasons) {
        const std::string severity = text_field(&reason, "severity");
        table.add({{severity, severity == "blocks" ? Tone::bad : Tone::warn},
                   {text_field(&reason, "source")},
                   {text_field(&reason, "device")},
                   {text_field(&reason, "text")}});
    }
    table.print(console);
}

int run_can_migrate(json& request, Session& session) {
    const Answer found = default_to_only_vm(request, session);
    if (!found) return print_error(found, session.json_mode(), session.console());
    const std::string vm = text_field(&request, "vm");
    const Answer answer = session.call("CheckMigration", request, "looking at " + vm);
    const bool allowed = answer && flag_field(answer.parameters.get(), "allowed");
    const int code = session.finish(answer, [&](const json& reply, Console& console) {
        render_reasons(reply, console);
        console.out << printable(vm) << (allowed ? " can migrate\n" : " cannot migrate\n");
    });
    if (!answer) return code;
    return allowed ? exit_ok : exit_failure;
}

}  // namespace

Runner declare_can_migrate(CLI::App& app) {
    const auto request = std::make_shared<json>(json::object());
    add_text(app, "VM", *request, "vm", "Name of the VM (default: the only one)");
    app.footer(
        "Exits with 1 when the VM cannot migrate as it is.\nExample: ivshmemctl can-migrate web");
    return [request](Session& session) { return run_can_migrate(*request, session); };
}

}  // namespace ivshmemd::ctl
