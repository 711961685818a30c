#include <poll.h>

#include <CLI/CLI.hpp>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/destination.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/hold_words.h"
#include "daemon/ctl/plan_file.h"
#include "daemon/ctl/work.h"

namespace ivshmemd::ctl {
namespace {

// The daemon sees to it that this ends; a migration takes as long as it takes.
constexpr std::chrono::hours longest_hold{24 * 30};

struct HoldArguments {
    json request = json::object();
    std::vector<std::string> command;
    std::string to;  // as parse_host has it; empty: whoever replugs there is another
};

void declare_options(CLI::App& app, HoldArguments& arguments) {
    json& request = arguments.request;
    add_text(app, "VM", request, "vm", "Name of the VM")->required();
    app.add_option("COMMAND", arguments.command, "What to run meanwhile, after --")->required();
    app.add_flag_callback(
        "--masters", [&request] { request["masters"] = true; }, "Take the masters out as well");
    add_timeout(app, request, "How long to wait for them to go (default: 30)");
    add_destination(app, arguments.to, "Check that host first, and plug in there if it leaves");
    app.footer(R"(The peers come back when the command has ended and the VM neither migrates nor
is being saved; also when this program is killed. Exits as the command does, or
with 7 when the guest keeps a peer: the command is not run, and they are back.
Examples:
  ivshmemctl without-peers web -- virsh snapshot-create web
  ivshmemctl without-peers web --to host2 -- virsh migrate --live web \
      qemu+ssh://host2/system)");
}

Wait wait_for_end(const EndRequests& requests) {
    Wait wait;
    wait.changes_something = true;
    wait.more = true;
    wait.deadline = longest_hold;
    wait.interrupt = requests.descriptor();
    return wait;
}

bool is_readable(int descriptor) {
    pollfd waited{descriptor, POLLIN, 0};
    return descriptor >= 0 && poll(&waited, 1, 0) > 0;
}

// To its end. What asks us to end meanwhile is for the command to decide about.
void see_through(Work& work, EndRequests& requests, const Line& line, Console& console) {
    int daemon = line.descriptor();
    while (!work.ended()) {
        std::array<pollfd, 3> waited{pollfd{requests.descriptor(), POLLIN, 0},
                                     pollfd{requests.child_descriptor(), POLLIN, 0},
                                     pollfd{daemon, POLLIN, 0}};
        poll(waited.data(), waited.size(), -1);
        for (const int signal : requests.take()) work.send(signal);
        requests.take_children();
        if (!is_readable(daemon)) continue;
        daemon = -1;
        print_message(
            "the connection to the daemon was lost: what was taken out comes back as soon as it "
            "runs, although the command has not ended",
            console);
    }
}

int run_command(const std::vector<std::string>& words, EndRequests& requests, const Line& line,
                Console& console) {
    Result<Work> work = Work::start(words, requests);
    if (!work) {
        print_message("cannot run " + words.front() + ": " + work.error().message, console);
        return exit_code_of_failure(work.error());
    }
    see_through(*work, requests, line, console);
    requests.take();
    return work->exit_code();
}

Move move_of_hold(const json& request) {
    return {.vm = text_field(&request, "vm"),
            .detach_peers = true,
            .masters = flag_field(&request, "masters"),
            .force = true,  // what only warns is for whoever moves it to judge
            .may_come_late = true};
}

bool has_left(const Answer& released) {
    return released && text_field(released.parameters.get(), "result") == "left" &&
           !list_field(*released.parameters, "out").empty();
}

// At the other end. The exit code is the command's, unless that went well and this does not.
int replug_there(const json& plan, int code, Destination& destination, Session& session) {
    const Answer plugged = destination.replug(plan);
    if (plugged) {
        print_message("plugged in again on " + destination.host() + ": " +
                          names_of(list_field(*plugged.parameters, "devices")),
                      session.console());
        return code;
    }
    print_message("VM " + text_field(&plan, "vm") + " has left, and " +
                      names_of(list_field(plan, "devices")) + " could not all be plugged in on " +
                      destination.host() + ": " + plugged.message + "; this finishes it:",
                  session.console());
    session.console().err << "  " << finishing_command(plan, destination.host(), std::nullopt)
                          << '\n';
    return code == exit_ok ? plugged.exit_code : code;
}

struct HoldOutcome {
    int code = exit_ok;
    json plan = nullptr;  // what is to be plugged in at the other end; null when nothing is
};

// On a connection of its own, which the hold lasts no longer than.
HoldOutcome run_held(const HoldArguments& arguments, EndRequests& requests, Session& session) {
    const json& request = arguments.request;
    Line line(session.address(), requests.descriptor());
    Session held(session.console(), session.json_mode(), session.address(),
                 [&line](const Address&, std::string_view method, const json& parameters,
                         const Wait& wait) { return line.call(method, parameters, wait); });
    const std::string vm = text_field(&request, "vm");
    Answer taken =
        held.call("Hold", request, "taking the peers out of " + vm, wait_for_end(requests));
    if (taken.exit_code == exit_interrupted) {
        taken = client_error("Interrupted",
                             "interrupted; the command was not run, and what was taken out of " +
                                 vm + " comes back by itself",
                             exit_interrupted);
    }
    if (!taken) return {print_error(taken, session.json_mode(), session.console())};
    tell_warnings(*taken.parameters, session.console());
    const int code = run_command(session.command_line(), requests, line, session.console());
    const Answer released = held.call("Release", {{"vm", vm}}, "bringing the peers back to " + vm,
                                      wait_for_end(requests));
    if (arguments.to.empty() || !has_left(released)) {
        tell_release(released, vm, session.console());
        return {code};
    }
    json plan = make_plan(vm, *taken.parameters);
    plan["devices"] = list_field(*released.parameters, "out");
    return {code, std::move(plan)};
}

int run_without_peers(const HoldArguments& arguments, Session& session) {
    if (session.command_line().empty()) {
        return print_error(usage_error("put -- before the command that is to run; see "
                                       "'ivshmemctl without-peers --help'"),
                           session.json_mode(), session.console());
    }
    const std::string& program = session.command_line().front();
    const Result<void> runnable = check_program(program);
    if (!runnable) {
        print_message(
            "cannot run " + program + ": " + runnable.error().message + "; nothing was begun",
            session.console());
        return exit_code_of_failure(runnable.error());
    }
    EndRequests requests;
    if (arguments.to.empty()) return run_held(arguments, requests, session).code;
    Destination destination(session, arguments.to, requests.descriptor());
    const Answer fit = destination.check(move_of_hold(arguments.request));
    if (!fit) return print_error(fit, session.json_mode(), session.console());
    const HoldOutcome ended = run_held(arguments, requests, session);
    if (ended.plan.is_null()) return ended.code;
    return replug_there(ended.plan, ended.code, destination, session);
}

}  // namespace

Runner declare_without_peers(CLI::App& app) {
    const auto arguments = std::make_shared<HoldArguments>();
    declare_options(app, *arguments);
    return [arguments](Session& session) { return run_without_peers(*arguments, session); };
}

}  // namespace ivshmemd::ctl
