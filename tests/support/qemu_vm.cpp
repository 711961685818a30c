#include "tests/support/qemu_vm.h"

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string kernel_command_line(const std::string& architecture) {
    // Without what only takes time: the ciphers' self-tests, IPv6, audit, rules of access.
    const std::string common =
        " quiet panic=-1 rdinit=/init cryptomgr.notests ipv6.disable=1 audit=0 apparmor=0";
    if (architecture == "aarch64") return "console=ttyAMA0" + common;
    // On a busy host the kernel's timer and clock checks would fail, and it would panic.
    return "console=ttyS0 no_timer_check tsc=unstable" + common;
}

}  // namespace

QemuVm::QemuVm(const fs::path& dir, VmOptions options) : dir_(dir), options_(std::move(options)) {
    const fs::path spy_socket = dir_ / (options_.name + ".spy");
    fs::remove(spy_socket);
    process_.emplace(Command{arguments()});
    const Deadline deadline = boot_deadline();
    try {
        eventually(deadline, [&] { return fs::exists(spy_socket) || !alive(); });
        if (!alive()) throw std::runtime_error("exit code " + std::to_string(*wait_exit(deadline)));
        spy_.emplace(spy_socket, deadline);
        if (options_.guest) console_.emplace(dir_ / (options_.name + ".serial"), deadline);
        if (!options_.paused) resume();
    } catch (const std::exception& error) {
        throw std::runtime_error("QEMU did not start: " + std::string(error.what()) + "\n" + err());
    }
}

QemuVm::~QemuVm() {
    if (!end_expected_ && !process_->alive()) {
        std::cerr << "QEMU " << options_.name << " ended by itself, exit code "
                  << process_->wait_exit(soon()).value_or(-1) << ":\n"
                  << err();
    }
}

std::vector<std::string> QemuVm::arguments() const {
    const auto socket = [&](const char* suffix) {
        return "unix:" + (dir_ / (options_.name + suffix)).string() + ",server=on,wait=off";
    };
    // -S: the serial line must be connected before the guest speaks.
    std::vector<std::string> result(options_.launcher);
    const auto add = [&](std::initializer_list<std::string> more) {
        result.insert(result.end(), more);
    };
    add({binary(options_.architecture), "-name", options_.name});
    add({"-machine", options_.machine + ",accel=tcg", "-m", "192M"});
    add({"-nodefaults", "-no-user-config", "-display", "none", "-S"});
    add({"-qmp", socket(".qmp"), "-qmp", socket(".spy")});
    if (options_.architecture == "aarch64") add({"-cpu", "cortex-a57"});
    for (int i = 0; i < options_.root_ports; ++i) {
        std::string port = "pcie-root-port,id=rp" + std::to_string(i) +
                           ",chassis=" + std::to_string(i + 1) + ",slot=" + std::to_string(i + 1);
        if (!options_.root_port_options.empty()) port += "," + options_.root_port_options;
        add({"-device", port});
    }
    if (options_.guest) {
        const fs::path files =
            options_.guest_files.empty() ? guest_dir(options_.architecture) : options_.guest_files;
        add({"-kernel", files / "vmlinuz", "-initrd", files / "initramfs.cpio", "-append",
             kernel_command_line(options_.architecture), "-serial", socket(".serial")});
    }
    result.insert(result.end(), options_.extra.begin(), options_.extra.end());
    return result;
}

void QemuVm::kill() {
    end_expected_ = true;
    process_->kill();
}

void QemuVm::quit() {
    end_expected_ = true;
    try {
        spy_->execute("quit");
    } catch (const std::runtime_error&) {
        // The connection may end before the reply.
    }
    if (!process_->wait_exit(soon())) process_->kill();
}

void QemuVm::pause() {
    spy_->call("stop");
}

void QemuVm::resume() {
    spy_->call("cont");
}

GuestResult QemuVm::guest(const std::string& command, Deadline deadline) {
    return console_->run(command, deadline);
}

json QemuVm::object_add_file(const std::string& id, const fs::path& file, uint64_t size) {
    json backend{{"qom-type", "memory-backend-file"}, {"id", id}};
    const json properties{{"size", size}, {"mem-path", file.string()}, {"share", true}};
    if (version() < 5002) {
        backend["props"] = properties;
    } else {
        backend.update(properties);
    }
    return spy_->execute("object-add", backend);
}

std::string QemuVm::binary(const std::string& architecture) {
    std::string variable = "QEMU_SYSTEM_";
    for (const char letter : architecture) {
        variable += letter == '_' ? letter : static_cast<char>(std::toupper(letter));
    }
    const std::string chosen = environment(variable.c_str());
    return chosen.empty() ? "qemu-system-" + architecture : chosen;
}

int QemuVm::installed_version() {
    static const int version = [] {
        const std::string text = run(Command{{binary(), "--version"}}).out;
        int major = 0, minor = 0;
        std::sscanf(text.c_str(), "QEMU emulator version %d.%d", &major, &minor);
        return 1000 * major + minor;
    }();
    return version;
}

fs::path QemuVm::guest_dir(const std::string& architecture) {
    fs::path dir = environment("IVSHMEMD_GUEST_DIR");
    if (dir.empty()) {
        std::string cache = environment("XDG_CACHE_HOME");
        if (cache.empty()) {
            const std::string home = environment("HOME");
            cache = (home.empty() ? "/root" : home) + "/.cache";
        }
        dir = fs::path(cache) / "ivshmemd" / "guest";
    }
    return architecture == "aarch64" ? dir / "arm64" : dir;
}

bool QemuVm::available(const std::string& architecture) {
    return run(Command{{binary(architecture), "--version"}}).exit_code == 0;
}

bool QemuVm::guest_available(const std::string& architecture) {
    const fs::path dir = guest_dir(architecture);
    return fs::exists(dir / "vmlinuz") && fs::exists(dir / "initramfs.cpio");
}

bool eventually(Deadline deadline, const std::function<bool()>& condition) {
    for (;;) {
        if (condition()) return true;
        if (deadline.passed()) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

}  // namespace ivshmemd::test
