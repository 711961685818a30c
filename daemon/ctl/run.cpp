#include "daemon/ctl/run.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/help_format.h"
#include "daemon/ctl/host_name.h"
#include "daemon/ctl/suggestion.h"

namespace ivshmemd::ctl {
namespace {

constexpr const char* description = "Hot-plug shared memory between running QEMU VMs.";

struct Globals {
    Address address;
    JsonMode json = JsonMode::off;
};

JsonMode json_mode(const std::string& word) {
    if (word == "short") return JsonMode::short_;
    if (word == "pretty") return JsonMode::pretty;
    return JsonMode::automatic;
}

void check_json_word(const std::string& word) {
    if (word == "auto" || json_mode(word) != JsonMode::automatic) return;
    throw CLI::ValidationError("--json", "'" + word + "' is neither short nor pretty");
}

void declare_globals(CLI::App& app, Globals& globals) {
    CLI::Option* socket = app.add_option("--socket", globals.address.socket,
                                         "Socket of the daemon (also $IVSHMEMD_SOCKET)")
                              ->type_name("PATH");
    const auto store_host = [&globals](const std::string& text) {
        const Result<std::string> host = parse_host(text);
        if (!host) throw CLI::ValidationError("--host", host.error().message);
        globals.address.host = *host;
    };
    app.add_option_function<std::string>("-H,--host", store_host, "Ask the daemon there, by ssh")
        ->type_name("[USER@]HOST")
        ->excludes(socket);
    const auto store = [&globals](const std::string& word) {
        check_json_word(word);
        globals.json = json_mode(word);
    };
    app.add_option_function<std::string>("--json", store, "Print JSON")
        ->type_name("[=short|pretty]");
    // Left out of the help, where the command of that name stands.
    app.set_version_flag("--version", "ivshmemctl " IVSHMEMD_VERSION)->group("");
}

// The mode is needed for reporting a command line that did not parse.
JsonMode mode_in(const std::vector<std::string>& arguments) {
    for (const std::string& argument : arguments) {
        if (argument == "--") break;
        if (argument == "--json") return JsonMode::automatic;
        if (argument.rfind("--json=", 0) == 0) return json_mode(argument.substr(7));
    }
    return JsonMode::off;
}

// --json takes a value only with '='; CLI11 would take the word after a bare one for it.
void spell_out_json(std::vector<std::string>& arguments) {
    const auto end = std::find(arguments.begin(), arguments.end(), "--");
    std::replace(arguments.begin(), end, std::string("--json"), std::string("--json=auto"));
}

// The words after -- of a command that runs another one, which are that one's; one word takes their
// place. CLI11 would make lists of those in brackets.
std::vector<std::string> take_command_line(std::vector<std::string>& arguments) {
    const auto mark = std::find(arguments.begin(), arguments.end(), "--");
    const bool runs_another = std::find(arguments.begin(), mark, "without-peers") != mark;
    if (!runs_another || mark == arguments.end()) return {};
    std::vector<std::string> words(mark + 1, arguments.end());
    arguments.erase(mark, arguments.end());
    if (!words.empty()) arguments.emplace_back("COMMAND");
    return words;
}

std::vector<std::pair<CLI::App*, Runner>> declare_commands(CLI::App& app) {
    std::vector<std::pair<CLI::App*, Runner>> declared;
    for (const Command& command : commands()) {
        CLI::App* sub = app.add_subcommand(command.name, command.summary);
        sub->fallthrough();
        sub->get_help_ptr()->description("Print this help");
        declared.emplace_back(sub, command.declare(*sub));
    }
    return declared;
}

// A usage error with what to read about it: the help of the command, if that much was understood.
Answer usage_error_of(const std::string& text, const CLI::App& app) {
    const auto given = app.get_subcommands();
    const std::string command = given.empty() ? "" : " " + given.front()->get_name();
    const char* see = text.ends_with('?') ? " See" : "; see";
    return usage_error(text + see + " 'ivshmemctl" + command + " --help'");
}

// The words that could have stood where something else did: commands, or options of `app` and of
// the command given.
std::vector<std::string> known_words(const CLI::App& app, bool options) {
    std::vector<std::string> words;
    if (!options) {
        for (const Command& command : commands()) words.emplace_back(command.name);
        return words;
    }
    auto apps = app.get_subcommands();
    std::vector<const CLI::App*> sources(apps.begin(), apps.end());
    sources.push_back(&app);
    for (const CLI::App* source : sources) {
        for (const CLI::Option* option : source->get_options()) {
            for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
        }
    }
    return words;
}

// About the first word that belongs nowhere.
std::string unexpected(const CLI::App& app) {
    const std::string word = app.remaining(true).front();
    const bool option = word.size() > 1 && word.front() == '-';
    const bool command = !option && app.get_subcommands().empty();
    std::string text = option ? "unknown option '" : command ? "unknown command '" : "unexpected '";
    text += word + "'";
    if (!option && !command) return text;
    const std::string meant = closest(word.substr(0, word.find('=')), known_words(app, option));
    return meant.empty() ? text : text + ", did you mean '" + meant + "'?";
}

int report_parse_end(const CLI::App& app, const CLI::ParseError& end, JsonMode json,
                     Console& console) {
    if (end.get_exit_code() == 0) {
        app.exit(end, console.out, console.err);
        return exit_ok;
    }
    const bool extra = dynamic_cast<const CLI::ExtrasError*>(&end) != nullptr;
    const std::string text = extra ? unexpected(app) : end.what();
    return print_error(usage_error_of(text, app), json, console);
}

}  // namespace

int run(std::vector<std::string> arguments, const std::string& socket_path, Console& console,
        const Caller& caller) {
    CLI::App app(description, "ivshmemctl");
    shape_help(app);
    // Not 1, 1: that would report an unknown command as a missing one.
    app.require_subcommand(0, 1);
    Globals globals{.address = socket_path};
    declare_globals(app, globals);
    const auto declared = declare_commands(app);

    const JsonMode mode = mode_in(arguments);
    std::vector<std::string> command_line = take_command_line(arguments);
    spell_out_json(arguments);
    std::reverse(arguments.begin(), arguments.end());  // the order CLI11 wants of a vector
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError& end) {
        return report_parse_end(app, end, mode, console);
    }
    Session session(console, globals.json, globals.address, caller);
    session.set_command_line(std::move(command_line));
    for (const auto& [sub, runner] : declared) {
        if (sub->parsed()) return runner(session);
    }
    return print_error(usage_error_of("a command is required", app), mode, console);
}

}  // namespace ivshmemd::ctl
