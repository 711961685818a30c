#include "daemon/libvirt/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

#include "daemon/base/accounts.h"
#include "daemon/base/log.h"
#include "lib/names.h"

namespace ivshmemd::libvirt {
namespace {

constexpr std::size_t column_of_descriptions = 25;

constexpr const char* about =
    "Lets ivshmemd attach shared memory to the running domains of libvirt: for each\n"
    "of them it makes a monitor, as QEMU would serve it, and forwards to libvirt.";

constexpr const char* after_options =
    "Whoever may connect to these monitors may do to the domains what ivshmemd does,\n"
    "and nothing else: see ivshmemd-libvirt(8).\n\n"
    "Exit status: 0 after SIGTERM or SIGINT, 1 when it cannot serve, 2 for a wrong\n"
    "command line.";

Error wrong_word(const std::string& message) {
    return Error(ErrorKind::invalid_parameter, message + "; see ivshmemd-libvirt --help");
}

void declare_words(CLI::App& app, Options& options, std::string& group) {
    app.add_option("--connect", options.uri, "Which libvirt")
        ->type_name("URI")
        ->capture_default_str();
    app.add_option("--directory", options.directory, "Make the monitors here")
        ->type_name("DIR")
        ->capture_default_str();
    app.add_option("--group", group, "Group of the monitors, which may use them")
        ->type_name("GROUP");
    app.add_option("--log-level", options.log_level, "debug, info, warn, err, critical or off")
        ->type_name("LEVEL")
        ->capture_default_str();
}

}  // namespace

Result<Options> read_options(int argc, const char* const* argv) {
    CLI::App app(about, "ivshmemd-libvirt");
    app.footer(after_options);
    app.get_formatter()->column_width(column_of_descriptions);
    app.set_version_flag("--version", std::string("ivshmemd-libvirt ") + IVSHMEMD_VERSION);
    Options options;
    std::string group;
    declare_words(app, options, group);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& request) {
        std::exit(app.exit(request));
    } catch (const CLI::ParseError& error) {
        return wrong_word(error.what());
    }
    if (!group.empty()) {
        options.group = group_id(group);
        if (!options.group) return wrong_word("--group: there is no group " + printable(group));
    }
    if (!std::filesystem::path(options.directory).is_absolute()) {
        return wrong_word("--directory takes an absolute path");
    }
    if (!is_log_level(options.log_level)) {
        return wrong_word("unknown log level " + printable(options.log_level));
    }
    return options;
}

}  // namespace ivshmemd::libvirt
