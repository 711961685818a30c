#include <sstream>
#include <stdexcept>

#include "tests/bench/bench.h"
#include "tests/support/daemon_process.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::bench {
namespace {

using namespace test;

constexpr int rounds = 10;
constexpr int devices = 240, more_devices = 2 * devices;

std::string hex(int value) {
    std::ostringstream text;
    text << "0x" << std::hex << value;
    return text.str();
}

/// Bridges behind bridges, full of devices.
VmOptions full_machine(const std::string& name, int count) {
    constexpr int behind_one = 30, on_root = 8, first_slot = 3;
    VmOptions options{.name = name, .paused = true};
    const auto add = [&](const std::string& device) {
        options.extra.insert(options.extra.end(), {"-device", device});
    };
    for (int i = 0; i * behind_one < count; ++i) {
        const std::string place = i < on_root ? "pci.0,addr=" + hex(i + first_slot)
                                              : "br" + std::to_string(i - on_root) + ",addr=0x1f";
        add("pci-bridge,id=br" + std::to_string(i) + ",chassis_nr=" + std::to_string(i + 1) +
            ",shpc=off,bus=" + place);
    }
    for (int i = 0; i < count; ++i) {
        add("pci-testdev,bus=br" + std::to_string(i / behind_one) + ",addr=" + hex(i % behind_one));
    }
    return options;
}

/// From the start of a daemon until it has read the machine.
class Reader {
  public:
    Reader(const TempDir& directory, const VmOptions& options) : vm_(directory.path(), options) {}

    void read() {
        DaemonProcess daemon({.vms = {{vm_.name(), vm_.qmp_socket()}}});
        if (!daemon.wait_vm_state(vm_.name(), "connected", boot_deadline())) {
            throw std::runtime_error(vm_.name() + " was not read");
        }
    }

  private:
    QemuVm vm_;
};

}  // namespace

void measure_large(Report& report, const Options&) {
    const TempDir directory;
    Reader half(directory, full_machine("half", devices));
    Reader full(directory, full_machine("full", more_devices));
    Samples full_samples, half_samples;
    for (int i = 0; i < rounds; ++i) {
        full_samples.measure([&] { full.read(); });
        half_samples.measure([&] { half.read(); });
    }
    report.add({.name = "daemon start to a machine of 480 devices read",
                .ours = full_samples,
                .reference = "240 devices",
                .beside = half_samples,
                .goal = Goal{Judged::ratio, 2.5}});
}

}  // namespace ivshmemd::bench
