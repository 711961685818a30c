#include "daemon/ctl/help_format.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace ivshmemd::ctl {
namespace {

constexpr std::size_t description_column = 25;

// Without headings and with one line per item, all of it stays on a screen of 24 lines.
class HelpFormatter : public CLI::Formatter {
  public:
    HelpFormatter() { column_width(description_column); }

    std::string make_help(const CLI::App* app, std::string name,
                          CLI::AppFormatMode) const override {
        std::string help = make_description(app) + make_usage(app, std::move(name));
        const std::string commands = rows_of_commands(app);
        if (!commands.empty()) help += "Commands:\n" + commands + '\n';
        help += rows_of_options(app);
        if (!app->get_footer().empty()) help += '\n' + make_footer(app);
        return help;
    }

    std::string make_description(const CLI::App* app) const override {
        return app->get_description() + '\n';
    }

    std::string make_usage(const CLI::App* app, std::string name) const override {
        if (app->get_parent() != nullptr) return CLI::Formatter::make_usage(app, std::move(name));
        return "Usage: " + name + " [OPTIONS] COMMAND [ARGUMENTS]\n";
    }

    std::string make_option_opts(const CLI::Option* option) const override {
        if (option->get_positional() || option->get_expected_max() == 0) return {};
        const std::string type = option->get_type_name();
        return type.rfind("[=", 0) == 0 ? type : " " + type;
    }

  private:
    std::string rows_of_commands(const CLI::App* app) const {
        std::string rows;
        for (const CLI::App* command : app->get_subcommands({})) rows += make_subcommand(command);
        return rows;
    }

    // The program's options, which go with each of its commands.
    std::string rows_of_program(const CLI::App* program) const {
        std::string rows;
        for (const CLI::Option* option : program->get_options()) {
            const bool shown = !option->get_group().empty() && option != program->get_help_ptr();
            if (shown) rows += make_option(option, false);
        }
        return rows;
    }

    std::string rows_of_options(const CLI::App* app) const {
        std::string positionals;
        std::string options;
        for (const CLI::Option* option : app->get_options()) {
            if (option->get_group().empty()) continue;
            if (option->get_positional()) {
                positionals += make_option(option, true);
            } else {
                options += make_option(option, false);
            }
        }
        const CLI::App* program = app->get_parent();
        if (program != nullptr) options += rows_of_program(program);
        return positionals + options;
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
