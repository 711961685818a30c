#include "daemon/ctl/help.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace ivshmemd::ctl {
namespace {

constexpr std::size_t description_column = 25;

class HelpFormatter : public CLI::Formatter {
  public:
    HelpFormatter() { column_width(description_column); }

    std::string make_help(const CLI::App* app, std::string name,
                          CLI::AppFormatMode mode) const override {
        std::string help = CLI::Formatter::make_help(app, std::move(name), mode);
        // One blank line where hidden options leave two, and none at the end.
        for (auto at = help.find("\n\n\n"); at != std::string::npos; at = help.find("\n\n\n")) {
            help.erase(at, 1);
        }
        while (help.size() > 1 && help.substr(help.size() - 2) == "\n\n") help.pop_back();
        return help;
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
};

}  // namespace

void shape_help(CLI::App& app) {
    app.formatter(std::make_shared<HelpFormatter>());
    app.set_help_flag("-h,--help", "Print this help, or that of a command");
}

}  // namespace ivshmemd::ctl
