#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/running.h"
#include "tests/e2e/machine_state.h"
#include "tests/support/daemon_process.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::bench {
namespace {

using namespace test;

constexpr int first_rounds = 50;
constexpr std::size_t least_rounds = 10;
// A daemon whose first attach waits makes no fifty rounds in any time that people wait.
constexpr auto at_most = std::chrono::seconds(30);
constexpr auto first_pause = std::chrono::milliseconds(60);
constexpr std::uint64_t first_region_size = 1 << 20;  // bytes

/// A machine with its guest, and a daemon that comes and goes.
class Restarted {
  public:
    Restarted() : vm_(directory_.path(), {.name = "ours", .guest = true}) {
        vm_.wait_guest_ready();
        make_file(regions_ / "shared", first_region_size);
        DaemonOptions options;
        options.vms = {{"ours", vm_.qmp_socket()}};
        options.region_dir = regions_.path();
        daemon_.emplace(options);
    }

    void restart() {
        client_.reset();
        daemon_->stop();
        daemon_->start();
        if (!daemon_->wait_vm_state("ours", "connected", soon())) throw std::runtime_error("ours");
        client_.emplace(daemon_->socket());
        // As a later one finds it, with the connection in use.
        success(client_->call("io.ivshmemd.Hotplug.ListVms", nlohmann::json::object()));
    }
    void attach() {
        success(client_->call(
            "io.ivshmemd.Hotplug.Attach",
            {{"vm", "ours"}, {"name", "x"}, {"region", "shared"}, {"size", first_region_size}}));
    }
    void detach() {
        success(client_->call("io.ivshmemd.Hotplug.Detach", {{"vm", "ours"}, {"name", "x"}},
                              boot_deadline()));
    }

  private:
    TempDir directory_;
    TempDir regions_ = TempDir::shared_memory();
    QemuVm vm_;
    std::optional<DaemonProcess> daemon_;
    std::optional<VarlinkClient> client_;
};

}  // namespace

void measure_first(Report& report, const Options&) {
    Restarted world;
    Samples first, later;
    const Deadline deadline = Deadline::after(at_most);
    for (int i = 0; i < first_rounds && (first.size() < least_rounds || !deadline.passed()); ++i) {
        world.restart();
        first.measure([&] { world.attach(); });
        world.detach();
        std::this_thread::sleep_for(first_pause);
        later.measure([&] { world.attach(); });
        world.detach();
    }
    report.add({.name = "first attach after a daemon start",
                .ours = first,
                .reference = "a later one",
                .beside = later,
                .goal = Goal{Judged::ratio, 1.2}});
}

}  // namespace ivshmemd::bench
