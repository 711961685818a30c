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

using nlohmann::json;
using namespace test;

constexpr int rounds = 100;
constexpr auto pause = std::chrono::milliseconds(50);
constexpr std::uint64_t region_size = 1 << 20;  // bytes

/// Two machines alike, one for the daemon and one for commands by hand, each with its guest.
class Machines {
  public:
    Machines()
        : ours_(directory_.path(), {.name = "ours", .guest = true}),
          raw_(directory_.path(), {.name = "raw", .guest = true}) {
        ours_.wait_guest_ready();
        raw_.wait_guest_ready();
        make_file(regions_ / "shared", region_size);
        DaemonOptions options;
        options.vms = {{"ours", ours_.qmp_socket()}};
        options.region_dir = regions_.path();
        daemon_.emplace(options);
        daemon_->wait_vm_state("ours", "connected", soon());
        client_.emplace(daemon_->socket());
    }

    void attach() {
        success(client_->call(
            "io.ivshmemd.Hotplug.Attach",
            {{"vm", "ours"}, {"name", "x"}, {"region", "shared"}, {"size", region_size}}));
    }
    void detach() {
        success(client_->call("io.ivshmemd.Hotplug.Detach", {{"vm", "ours"}, {"name", "x"}}));
    }
    void ctl(const std::vector<std::string>& arguments) {
        const CtlResult result = daemon_->ctl(arguments);
        if (result.exit_code != 0) throw std::runtime_error(result.err);
    }
    static void nothing() { run({{"/bin/true"}, {}, {}, {}}); }

    /// The commands that the daemon sends, in its order: what QEMU maps is known only once it has
    /// answered the first, and where the device went once it has taken it.
    void raw_attach() {
        const auto [memory, device] = next_device();
        raw_.spy().call("object-add", memory);
        raw_.spy().call_together({{"device_add", device}, {"qom-get", parent_bus()}});
    }
    /// Without looking at anything in between.
    void raw_attach_blindly() {
        const auto [memory, device] = next_device();
        raw_.spy().call_together({{"object-add", memory}, {"device_add", device}});
    }
    void raw_detach() {
        raw_.spy().call("device_del", {{"id", "x"}});
        raw_.spy().wait_event("DEVICE_DELETED", boot_deadline(),
                              [](const json& data) { return data.value("device", "") == "x"; });
        raw_.spy().call("object-del", {{"id", backend()}});
    }

  private:
    // The arguments for its backend and for itself.
    std::pair<json, json> next_device() {
        ++generation_;
        const json memory{{"qom-type", "memory-backend-file"},
                          {"id", backend()},
                          {"size", region_size},
                          {"mem-path", regions_ / "shared"},
                          {"share", true}};
        const json device{{"driver", "ivshmem-plain"}, {"id", "x"},      {"memdev", backend()},
                          {"master", "off"},           {"bus", "pci.0"}, {"addr", slot()}};
        return std::pair(memory, device);
    }
    static json parent_bus() {
        return {{"path", "/machine/peripheral/x"}, {"property", "parent_bus"}};
    }
    std::string backend() const { return "m" + std::to_string(generation_); }
    // Each time another one: a guest may still be busy with the last.
    std::string slot() const {
        static constexpr char digits[] = "0123456789abcdef";
        return {'1', digits[generation_ % 16]};
    }

    TempDir directory_;
    TempDir regions_ = TempDir::shared_memory();
    QemuVm ours_;
    QemuVm raw_;
    std::optional<DaemonProcess> daemon_;
    std::optional<VarlinkClient> client_;
    int generation_ = 0;
};

}  // namespace

void measure_hotplug(Report& report) {
    Machines machines;
    Samples attach, raw_attach, blind_attach, detach, raw_detach;
    // What comes second is measured beside a guest that is busy with the first: so in turns, and
    // after a pause.
    for (int i = 0; i < rounds; ++i) {
        const auto ours = [&] { attach.measure([&] { machines.attach(); }); };
        const auto by_hand = [&] { raw_attach.measure([&] { machines.raw_attach(); }); };
        std::this_thread::sleep_for(pause);
        i % 2 == 0 ? ours() : by_hand();
        std::this_thread::sleep_for(pause);
        i % 2 == 0 ? by_hand() : ours();
        detach.measure([&] { machines.detach(); });
        raw_detach.measure([&] { machines.raw_detach(); });
    }
    for (int i = 0; i < rounds; ++i) {
        std::this_thread::sleep_for(pause);
        blind_attach.measure([&] { machines.raw_attach_blindly(); });
        machines.raw_detach();
    }
    Samples ctl, nothing;
    for (int i = 0; i < rounds; ++i) {
        ctl.measure([&] { machines.ctl({"attach", "ours", "x", "--region", "shared"}); });
        nothing.measure([] { Machines::nothing(); });
        machines.detach();
    }
    report.line("attach over the API", attach);
    report.line("the same commands by hand", raw_attach);
    report.line("by hand, in one write and unseen", blind_attach);
    report.goal("attach / by hand", attach.median() / raw_attach.median(), 1.25, "times");
    report.line("ivshmemctl attach", ctl);
    report.line("/bin/true", nothing);
    report.goal("(ivshmemctl attach - true) / by hand",
                (ctl.median() - nothing.median()) / raw_attach.median(), 3.5, "times");
    report.line("detach over the API", detach);
    report.line("the same by hand", raw_detach);
    std::printf("%-44s %8.2f ms\n", "detach - by hand", detach.median() - raw_detach.median());
}

}  // namespace ivshmemd::bench
