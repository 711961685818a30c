#include "daemon/ctl/help_format.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/suggestion.h"

namespace ivshmemd::ctl {
namespace {

Answer no_such_command(const std::string& name) {
    std::vector<std::string> known;
    for (const Command& command : commands()) known.emplace_back(command.name);
    const std::string meant = closest(name, known);
    const std::string guess = meant.empty() ? "; see" : ", did you mean '" + meant + "'? See";
    return usage_error("unknown command '" + name + "'" + guess + " 'ivshmemctl help'");
}

// Of all commands, one has an action that is a word of its own.
bool has_action(const std::string& command, const std::string& action) {
    return action.empty() || (command == "region" && action == "remove");
}

int run_help(const CLI::App& program, const std::string& name, const std::string& action,
             Session& session) {
    if (name.empty()) {
        session.console().out << help_of(program);
        return exit_ok;
    }
    const auto found = program.get_subcommands(
        [&name](const CLI::App* command) { return command->get_name() == name; });
    if (found.empty()) {
        return print_error(no_such_command(name), session.json_mode(), session.console());
    }
    if (!has_action(name, action)) {
        return print_error(usage_error("'" + name + "' has no help of its own for '" + action +
                                       "'; see 'ivshmemctl help " + name + "'"),
                           session.json_mode(), session.console());
    }
    session.console().out << help_of(*found.front());
    return exit_ok;
}

}  // namespace

Runner declare_help(CLI::App& app) {
    const auto name = std::make_shared<std::string>();
    const auto action = std::make_shared<std::string>();
    app.add_option("COMMAND", *name, "Name of a command; without, the program's own help");
    app.add_option("ACTION", *action, "As in 'help region remove'");
    app.footer("Example: ivshmemctl help attach");
    return [name, action, program = app.get_parent()](Session& session) {
        return run_help(*program, *name, *action, session);
    };
}

}  // namespace ivshmemd::ctl
