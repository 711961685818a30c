#include "daemon/ctl/help_format.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace ivshmemd::ctl {
namespace {

constexpr std::size_t description_column = 25;

std::string row(const std::string& item, const std::string& description) {
    std::string text = "  " + item;
    if (text.size() >= description_column) text += '\n' + std::string(description_column, ' ');
    if (text.size() < description_column) text.resize(description_column, ' ');
    return text + description + '\n';
}

// What goes with it: the name of its value.
std::string value_of(const CLI::Option& option) {
    if (option.get_positional() || option.get_expected_max() == 0) return {};
    const std::string type = option.get_type_name();
    return type.starts_with("[=") ? type : " " + type;
}

std::string row_of(const CLI::Option& option) {
    const bool positional = option.get_positional();
    return row(option.get_name(positional, !positional) + value_of(option),
               option.get_description());
}

std::string rows_of_commands(const CLI::App& app) {
    std::string rows;
    for (const CLI::App* command : app.get_subcommands({})) {
        rows += row(command->get_name(), command->get_description());
    }
    return rows;
}

// The program's options, which go with each of its commands.
std::string rows_of_program(const CLI::App& program) {
    std::string rows;
    for (const CLI::Option* option : program.get_options()) {
        const bool shown = !option->get_group().empty() && option != program.get_help_ptr();
        if (shown) rows += row_of(*option);
    }
    return rows;
}

std::string rows_of_options(const CLI::App& app) {
    std::string positionals;
    std::string options;
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group().empty()) continue;
        (option->get_positional() ? positionals : options) += row_of(*option);
    }
    if (app.get_parent() != nullptr) options += rows_of_program(*app.get_parent());
    return positionals + options;
}

std::string usage_of(const CLI::App& app, const std::string& name) {
    if (app.get_parent() == nullptr) return "Usage: " + name + " [OPTIONS] COMMAND [ARGUMENTS]\n";
    std::string usage = "Usage: " + name + " [OPTIONS]";
    for (const CLI::Option* option : app.get_options()) {
        if (!option->get_positional()) continue;
        std::string word = option->get_name(true, false);
        if (option->get_expected_max() > 1) word += "...";
        usage += option->get_required() ? " " + word : " [" + word + "]";
    }
    return usage + '\n';
}

// All of it is ours: what CLI11 makes of these differs from version to version. Without headings
// and with one line per item, it stays on a screen.
class HelpFormatter : public CLI::Formatter {
  public:
    std::string make_help(const CLI::App* app, std::string name,
                          CLI::AppFormatMode) const override {
        std::string help = app->get_description() + '\n' + usage_of(*app, name);
        const std::string commands = rows_of_commands(*app);
        if (!commands.empty()) help += "Commands:\n" + commands + '\n';
        help += rows_of_options(*app);
        if (!app->get_footer().empty()) help += '\n' + app->get_footer() + '\n';
        return help;
    }
};

}  // namespace

void shape_help(CLI::App& app) {
    app.formatter(std::make_shared<HelpFormatter>());
    app.set_help_flag("-h,--help", "Print this help; after a command, its own");
}

std::string help_of(const CLI::App& app) {
    const CLI::App* parent = app.get_parent();
    const std::string name = parent ? parent->get_name() + " " + app.get_name() : app.get_name();
    return app.get_formatter()->make_help(&app, name, CLI::AppFormatMode::Normal);
}

}  // namespace ivshmemd::ctl
