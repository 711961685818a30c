#pragma once

#include <string>

namespace CLI {
class App;
}

namespace ivshmemd::ctl {

/// Gives `app` and the commands added to it afterwards help that fits a screen: no type names and
/// relations of options beyond what the usage line and the descriptions say.
void shape_help(CLI::App& app);

/// The help of the program, or of a command of it.
std::string help_of(const CLI::App& app);

}  // namespace ivshmemd::ctl
