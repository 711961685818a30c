#include "tests/support/daemon_process.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "tests/support/json_text.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::test {
namespace {

std::string program(const char* name) {
    return std::string(IVSHMEMD_BIN_DIR) + "/" + name;
}

CtlResult run_ctl(const Command& command, Deadline deadline) {
    RunResult result = run(command, deadline);
    if (result.timed_out) throw std::runtime_error("ivshmemctl did not end in time");
    return {result.exit_code, std::move(result.out), std::move(result.err)};
}

}  // namespace

nlohmann::json CtlResult::json() const {
    nlohmann::json value = nlohmann::json::parse(out, nullptr, false);
    if (value.is_discarded()) throw std::runtime_error("not JSON: " + out + "\n" + err);
    return value;
}

DaemonProcess::DaemonProcess(DaemonOptions options)
    : options_(std::move(options)), notify_(dir_ / "notify.sock") {
    if (options_.region_dir.empty()) options_.region_dir = default_regions_.path();
    std::filesystem::create_directory(state_dir());
    if (options_.user) {
        for (const auto& path : {dir_.path(), state_dir(), notify_.path()}) {
            if (::chown(path.c_str(), *options_.user, *options_.user) != 0) {
                throw std::system_error(errno, std::generic_category(), path);
            }
        }
    }
    start();
}

DaemonProcess::~DaemonProcess() {
    if (!process_ || !process_->wait_exit(Deadline::after(std::chrono::milliseconds(0)))) return;
    const int code = process_->wait_exit(soon()).value_or(-1);
    if (code != 0 && code != 128 + SIGKILL) {
        std::cerr << "ivshmemd ended with exit code " << code << ":\n" << process_->err();
    }
}

void DaemonProcess::start() {
    Command command;
    command.env = options_.env;
    if (options_.user) command.argv = as_user(*options_.user, options_.groups);
    command.argv.insert(
        command.argv.end(),
        {options_.program.empty() ? program("ivshmemd") : options_.program.string(), "--socket",
         socket(), "--region-dir", region_dir(), "--state-dir", state_dir()});
    for (const auto& [name, monitor] : options_.vms) {
        command.argv.insert(command.argv.end(), {"--vm", name + "=" + monitor.string()});
    }
    if (!options_.vm_dir.empty()) {
        command.argv.insert(command.argv.end(), {"--vm-dir", options_.vm_dir});
    }
    command.argv.insert(command.argv.end(), options_.extra.begin(), options_.extra.end());
    command.env.emplace("NOTIFY_SOCKET", notify_.path());

    if (options_.fd_store) pass_stored(command);
    notify_.forget();
    process_.reset();
    process_.emplace(command);
    if (!notify_.wait_ready(soon())) {
        throw std::runtime_error("ivshmemd did not get ready:\n" + process_->err());
    }
}

// As a service manager does: descriptors from 3 on, their names, and whose they are.
void DaemonProcess::pass_stored(Command& command) {
    std::string names;
    for (const auto& [name, fd] : notify_.stored()) {
        names += (names.empty() ? "" : ":") + name;
        command.fds.push_back(fd.get());
    }
    if (command.fds.empty()) return;
    command.env["LISTEN_FDS"] = std::to_string(command.fds.size());
    command.env["LISTEN_FDNAMES"] = names;
    const std::vector<std::string> shell{"sh", "-c", "LISTEN_PID=$$ exec \"$0\" \"$@\""};
    command.argv.insert(command.argv.begin(), shell.begin(), shell.end());
}

int DaemonProcess::stop() {
    process_->signal(SIGTERM);
    const std::optional<int> code = process_->wait_exit(soon());
    if (!code) throw std::runtime_error("ivshmemd did not stop:\n" + process_->err());
    return *code;
}

void DaemonProcess::kill() {
    process_->kill();
}

Command DaemonProcess::ctl_command(const std::vector<std::string>& arguments) const {
    Command command{{program("ivshmemctl"), "--socket", socket()}, {}, {}};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    return command;
}

CtlResult DaemonProcess::ctl(const std::vector<std::string>& arguments, Deadline deadline) const {
    std::vector<std::string> all{"--json=short"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_ctl(ctl_command(all), deadline);
}

CtlResult DaemonProcess::ctl_text(const std::vector<std::string>& arguments,
                                  Deadline deadline) const {
    return run_ctl(ctl_command(arguments), deadline);
}

nlohmann::json DaemonProcess::varlink(const std::string& method, const nlohmann::json& parameters,
                                      Deadline deadline) const {
    VarlinkClient client(socket(), deadline);
    return client.call("io.ivshmemd.Hotplug." + method, parameters, deadline);
}

bool DaemonProcess::wait_vm_state(const std::string& vm, const std::string& state,
                                  Deadline deadline) const {
    return eventually(deadline, [&] {
        const nlohmann::json reply = varlink("ListVms", nlohmann::json::object());
        for (const auto& entry : member(member(reply, "parameters"), "vms")) {
            if (member(entry, "name") == vm) return member(entry, "state") == state;
        }
        return false;
    });
}

}  // namespace ivshmemd::test
