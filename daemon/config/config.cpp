#include "daemon/config/config.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "daemon/base/accounts.h"
#include "daemon/base/log.h"
#include "daemon/config/file.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

// What the command line says; it overrides the file.
struct Options {
    std::optional<std::string> config;
    std::optional<std::string> socket;
    std::vector<std::string> vms;
    std::vector<std::string> vm_dirs;
    std::optional<std::string> region_dir;
    std::optional<std::string> state_dir;
    std::optional<std::string> log_level;
    bool check_only = false;
};

Error usage(std::string message) {
    return Error(ErrorKind::invalid_parameter, std::move(message));
}

void declare(CLI::App& app, Options& options) {
    app.add_option("--config", options.config, "Configuration file (TOML)")->type_name("FILE");
    app.add_option("--socket", options.socket, "Listen for clients here")->type_name("PATH");
    app.add_option("--vm", options.vms, "Look after this VM; may be given again")
        ->type_name("NAME=QMP_SOCKET")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_option("--vm-dir", options.vm_dirs,
                   "Look after every <name>.qmp in this directory; may be given again")
        ->type_name("DIR")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_option("--region-dir", options.region_dir, "Keep regions here")->type_name("DIR");
    app.add_option("--state-dir", options.state_dir, "Keep state here")->type_name("DIR");
    app.add_option("--log-level", options.log_level,
                   "trace, debug, info, warn, err, critical or off")
        ->type_name("LEVEL");
    app.add_flag("--check-config", options.check_only, "Check the configuration and exit");
    app.set_version_flag("--version", std::string("ivshmemd ") + IVSHMEMD_VERSION);
}

std::string absolute(const std::string& path) {
    std::string clean = std::filesystem::absolute(path).lexically_normal().string();
    if (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
    return clean;
}

Result<void> read_file(const Options& options, Config& config) {
    const std::string path = options.config.value_or(default_config_path);
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        if (!options.config) return {};
        return usage("cannot read the configuration " + path);
    }
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    const Result<void> read = read_config_text(text, config);
    if (!read) return usage(path + ": " + read.error().message);
    return {};
}

// QEMU's own spellings of a monitor, as in "tcp:localhost:4444", look like relative paths.
bool names_transport(const std::string& socket) {
    const std::size_t colon = socket.find(':');
    return colon != std::string::npos && colon != 0 && socket.find('/') > colon;
}

Error no_unix_socket(const VmConfig& vm) {
    const std::string vm_option = "--vm " + vm.name;
    const std::string plain = vm.qmp_socket.substr(vm.qmp_socket.find(':') + 1);
    if (vm.qmp_socket.starts_with("unix:")) {
        return usage(vm_option + ": write only the path of the Unix socket, as in --vm " + vm.name +
                     "=" + printable(plain.substr(0, plain.find(','))));
    }
    return usage(vm_option + ": " + printable(vm.qmp_socket) +
                 " is no path; only Unix sockets work, so give its QEMU -qmp "
                 "unix:PATH,server=on,wait=off and ivshmemd --vm " +
                 vm.name + "=PATH (a relative PATH with a colon begins with ./)");
}

Result<VmConfig> read_vm_option(const std::string& option) {
    const std::size_t equals = option.find('=');
    if (equals == std::string::npos) return usage("--vm takes NAME=QMP_SOCKET, not " + option);
    VmConfig vm{option.substr(0, equals), option.substr(equals + 1), {}};
    const Result<void> name = check_vm_name(vm.name);
    if (!name) return usage("--vm: " + name.error().message);
    if (vm.qmp_socket.empty()) return usage("--vm " + vm.name + ": no QMP socket");
    if (names_transport(vm.qmp_socket)) return no_unix_socket(vm);
    vm.qmp_socket = absolute(vm.qmp_socket);
    return vm;
}

void override_paths(const Options& options, Config& config) {
    config.socket = absolute(options.socket.value_or(config.socket));
    config.region_dir = absolute(options.region_dir.value_or(config.region_dir));
    config.state_dir = absolute(options.state_dir.value_or(config.state_dir));
    if (config.read_socket) config.read_socket = absolute(*config.read_socket);
    if (!options.vm_dirs.empty()) config.vm_dirs = options.vm_dirs;
    for (std::string& path : config.vm_dirs) path = absolute(path);
    config.log_level = options.log_level.value_or(config.log_level);
    config.check_only = options.check_only;
}

// Replaces what the file says of the VM, devices and all: the command line wins.
void put_vm(Config& config, VmConfig vm) {
    std::erase_if(config.vms, [&](const VmConfig& each) { return each.name == vm.name; });
    config.declarations.erase(vm.name);
    config.vms.push_back(std::move(vm));
}

// Two of one name are a slip in a long command line, and which was meant is anybody's guess.
Result<void> read_vm_options(const Options& options, Config& config) {
    std::map<std::string, std::string> sockets;
    for (const std::string& option : options.vms) {
        Result<VmConfig> vm = read_vm_option(option);
        if (!vm) return vm.error();
        const auto [earlier, is_new] = sockets.emplace(vm->name, vm->qmp_socket);
        if (!is_new) {
            return usage("--vm " + vm->name + " is given twice, with " +
                         printable(earlier->second) + " and with " + printable(vm->qmp_socket) +
                         "; leave one out, or give one VM another name");
        }
        put_vm(config, std::move(*vm));
    }
    return {};
}

Result<void> check(const Config& config) {
    if (!is_log_level(config.log_level)) {
        return usage("unknown log level " + printable(config.log_level));
    }
    if (config.read_group && !config.read_socket) {
        return usage("daemon.read_group is that of daemon.read_socket, which is not given");
    }
    if (config.read_socket == config.socket) {
        return usage("daemon.read_socket and daemon.socket are the same, " + config.socket);
    }
    for (const std::string& path : config.vm_dirs) {
        if (std::filesystem::is_directory(path)) continue;
        return usage("the VM directory " + path + " does not exist");
    }
    return {};
}

}  // namespace

Result<Config> read_config(int argc, const char* const* argv) {
    CLI::App app("Hot-plugs shared memory between running QEMU virtual machines.", "ivshmemd");
    Options options;
    declare(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& request) {
        std::exit(app.exit(request));
    } catch (const CLI::ParseError& error) {
        return usage(std::string(error.what()) + "; see ivshmemd --help");
    }
    Config config;
    const Result<void> file = read_file(options, config);
    if (!file) return file.error();
    const Result<void> vms = read_vm_options(options, config);
    if (!vms) return vms.error();
    override_paths(options, config);
    if (!config.socket_group) config.socket_group = group_id("ivshmem");
    const Result<void> checked = check(config);
    if (!checked) return checked.error();
    return config;
}

}  // namespace ivshmemd
