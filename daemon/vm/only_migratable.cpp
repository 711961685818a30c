#include <algorithm>
#include <cctype>

#include "daemon/vm/command_line.h"
#include "daemon/vm/identity.h"

// What a command line says of migration.
namespace ivshmemd {
namespace {

/// A property that a command line sets for all devices of a type.
struct Global {
    std::string driver;
    std::string property;
    std::string value;
};

// "driver.property=value", or the three by their names.
Global parse_global(const std::string& text) {
    const std::size_t dot = text.find_first_of(".=");
    const std::size_t equals = text.find('=');
    if (dot < equals && equals != std::string::npos) {
        return {text.substr(0, dot), text.substr(dot + 1, equals - dot - 1),
                text.substr(equals + 1)};
    }
    Global global;
    for (const std::string& part : split_options(text)) {
        if (part.starts_with("driver=")) global.driver = part.substr(7);
        if (part.starts_with("property=")) global.property = part.substr(9);
        if (part.starts_with("value=")) global.value = part.substr(6);
    }
    return global;
}

bool is_true(std::string word) {
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char letter) { return std::tolower(letter); });
    return word == "on" || word == "yes" || word == "true" || word == "y";
}

}  // namespace

bool is_only_migratable(const Identity& identity) {
    const std::vector<std::string>& arguments = identity.command_line;
    bool only = false;  // the last one counts
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string option = long_option(arguments[i]);
        if (option == "-only-migratable") only = true;
        if (option != "-global" || i + 1 == arguments.size()) continue;
        const Global global = parse_global(arguments[++i]);
        if (global.driver != "migration" || global.property != "only-migratable") continue;
        only = is_true(global.value);
    }
    return only;
}

}  // namespace ivshmemd
