#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/destination.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/plan_file.h"
#include "lib/shell_word.h"

namespace ivshmemd::ctl {
namespace {

// A migration takes as long as it takes; Ctrl-C ends the wait.
constexpr std::chrono::hours longest_migration{24 * 30};

struct MigrateArguments {
    json request = json::object();
    std::optional<std::string> plan;
    std::string to;  // as parse_host has it; empty: whoever replugs there is another
};

void declare_migrate_options(CLI::App& app, MigrateArguments& arguments) {
    json& request = arguments.request;
    add_text(app, "VM", request, "vm", "Name of the VM")->required();
    add_text(app, "URI", request, "uri", "tcp:HOST:PORT or unix:PATH, where it is awaited")
        ->required();
    app.add_flag_callback(
        "--detach-peers", [&request] { request["detachPeers"] = true; },
        "Take the peers out first; back in if it fails");
    app.add_flag_callback(
        "--force", [&request] { request["force"] = true; }, "Migrate although something warns");
    add_timeout(app, request, "How long to wait for the peers to go (default: 30)");
    app.add_option("--plan", arguments.plan, "Write what was taken out; to standard output with -")
        ->type_name("FILE");
    add_destination(app, arguments.to, "Check that host first, and plug the peers in there");
    app.footer(R"(Example, to another host with all its devices:
  ivshmemctl migrate web tcp:host2:4444 --detach-peers --to host2)");
}

void render_migrated(const json& reply, const MigrateArguments& arguments, Console& console) {
    const json& request = arguments.request;
    console.out << "migrated " << printable(text_field(&request, "vm")) << " to "
                << printable(text_field(&request, "uri")) << '\n';
    const json* devices = as_array(find(reply, "detached"));
    if (!devices || devices->empty()) return;
    const std::string vm = printable(text_field(&request, "vm"));
    console.out << "taken out of " << vm;
    if (arguments.plan) {
        console.out << ", for 'ivshmemctl replug " << vm << " --plan "
                    << printable(shell_word(*arguments.plan)) << "' where it runs now:";
    } else {
        console.out << ", and remembered for 'ivshmemctl replug " << vm << "':";
    }
    for (const json& device : *devices) {
        console.out << ' ' << printable(text_field(&device, "name"));
    }
    console.out << '\n';
}

void render_moved(const json& reply, const MigrateArguments& arguments, Console& console) {
    console.out << "migrated " << printable(text_field(&arguments.request, "vm")) << " to "
                << arguments.to << '\n';
    const json& devices = list_field(reply, "devices");
    if (devices.empty()) return;
    console.out << "plugged in again there:";
    for (const json& device : devices) {
        console.out << ' ' << printable(text_field(&device, "name"));
    }
    console.out << '\n';
}

int keep_plan(std::optional<PlanFile>& file, const json& plan, Session& session) {
    if (file && !file->write(plan)) {
        print_message("the VM is migrated, but its plan cannot be written: " +
                          std::string(std::strerror(errno)) + "; it is " + plan.dump(),
                      session.console());
        return exit_failure;
    }
    return exit_ok;
}

int report_unfinished(const Answer& failed, const json& plan, const MigrateArguments& arguments,
                      Session& session) {
    const std::string command = finishing_command(plan, arguments.to, arguments.plan);
    json parameters = *failed.parameters;
    parameters["plan"] = plan;
    parameters["mend"] = command;
    Answer answer = failed;
    answer.message = "VM " + text_field(&plan, "vm") + " has moved to " + arguments.to +
                     ", and its devices are not all plugged in there: " + failed.message +
                     "; this finishes it:";
    answer.parameters = std::make_shared<const json>(std::move(parameters));
    const bool to_output = arguments.plan == "-";
    const int code =
        print_error(answer, to_output ? JsonMode::off : session.json_mode(), session.console());
    session.console().err << "  " << command << '\n';
    return code;
}

// At the other end, by the plan. One answer for both halves.
int replug_there(const Answer& migrated, const json& plan, const MigrateArguments& arguments,
                 Destination& destination, Session& session) {
    Answer both = migrated;
    if (!plan["devices"].empty()) {
        const Answer plugged = destination.replug(plan);
        if (!plugged) return report_unfinished(plugged, plan, arguments, session);
        json parameters = *migrated.parameters;
        parameters["devices"] = list_field(*plugged.parameters, "devices");
        both.parameters = std::make_shared<const json>(std::move(parameters));
    }
    if (arguments.plan == "-") return exit_ok;
    return session.finish(both, [&](const json& reply, Console& console) {
        render_moved(reply, arguments, console);
    });
}

Move move_of(const json& request) {
    Move move;
    move.vm = text_field(&request, "vm");
    move.detach_peers = flag_field(&request, "detachPeers");
    move.force = flag_field(&request, "force");
    return move;
}

int run_migrate(const MigrateArguments& arguments, Session& session) {
    const bool to_output = arguments.plan == "-";
    std::optional<PlanFile> file;
    if (arguments.plan && !to_output) {
        Result<PlanFile> opened = PlanFile::open(*arguments.plan);
        if (!opened) {
            return print_error(client_error(opened.error()), session.json_mode(),
                               session.console());
        }
        file.emplace(std::move(*opened));
    }
    std::optional<Destination> destination;
    if (!arguments.to.empty()) {
        destination.emplace(session, arguments.to);
        const Answer fit = destination->check(move_of(arguments.request));
        if (!fit) return print_error(fit, session.json_mode(), session.console());
    }
    Wait wait;
    wait.changes_something = true;
    wait.more = true;
    wait.deadline = longest_migration;
    const Answer answer = session.call("Migrate", arguments.request, "migrating the VM", wait);
    if (!answer && to_output) return print_error(answer, JsonMode::off, session.console());
    if (!answer) return session.finish(answer, [](const json&, Console&) {});
    const json plan = make_plan(text_field(&arguments.request, "vm"), *answer.parameters);
    const int kept = keep_plan(file, plan, session);
    if (to_output) {
        print_json(plan, JsonMode::short_, session.console());
        if (!destination) return exit_ok;
    }
    if (destination) {
        const int code = replug_there(answer, plan, arguments, *destination, session);
        return code != exit_ok ? code : kept;
    }
    const int code = session.finish(answer, [&](const json& reply, Console& console) {
        render_migrated(reply, arguments, console);
    });
    return code != exit_ok ? code : kept;
}

}  // namespace

Runner declare_migrate(CLI::App& app) {
    const auto arguments = std::make_shared<MigrateArguments>();
    declare_migrate_options(app, *arguments);
    return [arguments](Session& session) { return run_migrate(*arguments, session); };
}

}  // namespace ivshmemd::ctl
