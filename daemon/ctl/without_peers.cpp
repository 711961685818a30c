#include <poll.h>

#include <CLI/CLI.hpp>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/work.h"

namespace ivshmemd::ctl {
namespace {

// The daemon sees to it that this ends; a migration takes as long as it takes.
constexpr std::chrono::hours longest_hold{24 * 30};

void declare_options(CLI::App& app, json& request, std::vector<std::string>& command) {
    add_text(app, "VM", request, "vm", "Name of the VM")->required();
    app.add_option("COMMAND", command, "What to run meanwhile, after --")->required();
    app.add_flag_callback(
        "--masters", [&request] { request["masters"] = true; }, "Take the masters out as well");
    add_timeout(app, request, "How long to wait for them to go (default: 30)");
    app.footer(R"(The peers come back when the command has ended and the VM neither migrates nor
is being saved; also when this program is killed. Exits as the command does, or
with 7 when the guest keeps a peer: the command is not run, and they are back.
Example:
  ivshmemctl without-peers web -- virsh snapshot-create web)");
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

std::string names_of(const json& reply, const char* key) {
    std::string names;
    for (const json& device : list_field(reply, key)) {
        names += (names.empty() ? "" : ", ") + text_field(&device, "name");
    }
    return names;
}

// The exit code stays the command's, so this is all that tells of it.
void tell_release(const Answer& answer, const std::string& vm, Console& console) {
    if (answer.exit_code == exit_interrupted) {
        print_message("stopped waiting; what was taken out of " + vm +
                          " comes back by itself; see 'ivshmemctl list " + vm + "'",
                      console);
        return;
    }
    if (!answer) return print_message(answer.message, console);
    const std::string out = names_of(*answer.parameters, "out");
    if (out.empty()) return;
    if (text_field(answer.parameters.get(), "result") == "left") {
        print_message("VM " + vm + " has left without " + out +
                          "; where it runs now, 'ivshmemctl "
                          "replug' plugs in what this daemon keeps in mind; see 'ivshmemctl list'",
                      console);
    } else {
        print_message("not plugged in again: " + text_field(answer.parameters.get(), "message") +
                          "; 'ivshmemctl replug " + vm + "' tries again",
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

int run_without_peers(const json& request, Session& session) {
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
    if (!taken) return print_error(taken, session.json_mode(), session.console());
    const int code = run_command(session.command_line(), requests, line, session.console());
    const Answer released = held.call("Release", {{"vm", vm}}, "bringing the peers back to " + vm,
                                      wait_for_end(requests));
    tell_release(released, vm, session.console());
    return code;
}

}  // namespace

Runner declare_without_peers(CLI::App& app) {
    const auto request = std::make_shared<json>(json::object());
    const auto command = std::make_shared<std::vector<std::string>>();
    declare_options(app, *request, *command);
    return [request, command](Session& session) { return run_without_peers(*request, session); };
}

}  // namespace ivshmemd::ctl
