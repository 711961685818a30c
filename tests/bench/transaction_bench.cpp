#include <deque>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "tests/bench/bench.h"
#include "tests/bench/by_hand.h"
#include "tests/bench/running.h"
#include "tests/e2e/machine_state.h"
#include "tests/support/daemon_process.h"
#include "tests/support/json_text.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::bench {
namespace {

using nlohmann::json;
using namespace test;

constexpr int machines = 12;
constexpr int rounds = 100;
constexpr int warm_up = 4;  // rounds
// A slot rests for 2 s after a device has left it; there are enough for all rounds in that time.
constexpr int root_ports = 16;
constexpr auto pause = std::chrono::milliseconds(100);
constexpr std::uint64_t region_size = 1 << 20;  // bytes

/// Twelve machines of both kinds, paused in their firmware.
class Dozen {
  public:
    Dozen(const std::filesystem::path& directory, const std::string& prefix) {
        for (int i = 0; i < machines; ++i) {
            VmOptions options{.name = prefix + std::to_string(i)};
            options.extra = {"-m", "64M"};
            if (is_q35(i)) options.machine = "q35";
            if (is_q35(i)) options.root_ports = root_ports;
            vms_.emplace_back(directory, options);
            vms_.back().pause();
        }
    }

    static bool is_q35(int number) { return number % 2 == 1; }
    std::deque<QemuVm>& all() { return vms_; }
    std::vector<std::filesystem::path> monitors() const {
        std::vector<std::filesystem::path> sockets;
        for (const QemuVm& vm : vms_) sockets.push_back(vm.qmp_socket());
        return sockets;
    }
    json names() const {
        json names = json::array();
        for (const QemuVm& vm : vms_) names.push_back(vm.name());
        return names;
    }
    /// A reset is what makes a paused machine let a device go.
    void await_departure(const std::string& id) {
        for (QemuVm& vm : vms_) vm.spy().call("system_reset");
        for (QemuVm& vm : vms_) {
            vm.spy().wait_event("DEVICE_DELETED", boot_deadline(),
                                [&](const json& data) { return data.value("device", "") == id; });
        }
    }

  private:
    std::deque<QemuVm> vms_;
};

class Transactions {
  public:
    Transactions()
        : ours_(directory_.path(), "ours"),
          raw_(directory_.path(), "raw"),
          program_(raw_.monitors()) {
        make_file(regions_ / "shared", region_size);
        DaemonOptions options;
        options.region_dir = regions_.path();
        for (const QemuVm& vm : ours_.all()) options.vms.emplace_back(vm.name(), vm.qmp_socket());
        daemon_.emplace(options);
        for (const QemuVm& vm : ours_.all()) {
            if (!daemon_->wait_vm_state(vm.name(), "connected", soon())) {
                throw std::runtime_error(vm.name());
            }
        }
        client_.emplace(daemon_->socket());
    }

    void attach() {
        success(client_->call("io.ivshmemd.Hotplug.AttachMany",
                              {{"vms", ours_.names()}, {"name", "x"}, {"region", "shared"}}));
    }
    void detach() {
        success(client_->call("io.ivshmemd.Hotplug.DetachMany",
                              {{"vms", ours_.names()}, {"name", "x"}, {"timeoutMs", 0}}));
        ours_.await_departure("ivshmemd.x");
        const auto is_empty = [&] {
            return success(client_->call("io.ivshmemd.Hotplug.ListDevices", json::object()))
                .at("devices")
                .empty();
        };
        if (!eventually(soon(), is_empty)) throw std::runtime_error("a device does not leave");
    }

    /// The next commands; not part of what is measured.
    void prepare_by_hand() {
        ++generation_;
        scripts_.clear();
        for (int i = 0; i < machines; ++i) scripts_.push_back(script(Dozen::is_q35(i)));
    }
    void attach_by_hand() { program_.run(scripts_); }
    void detach_by_hand() {
        for (QemuVm& vm : raw_.all()) vm.spy().call("device_del", {{"id", "x"}});
        raw_.await_departure("x");
        for (QemuVm& vm : raw_.all()) vm.spy().call("object-del", {{"id", backend()}});
    }

  private:
    ByHand::Script script(bool q35) const {
        const json memory{{"qom-type", "memory-backend-file"},
                          {"id", backend()},
                          {"size", region_size},
                          {"mem-path", regions_ / "shared"},
                          {"share", true}};
        json device{
            {"driver", "ivshmem-plain"}, {"id", "x"}, {"memdev", backend()}, {"master", "off"}};
        // Each time another place: it rests for those who look.
        device["bus"] = q35 ? "rp" + std::to_string(generation_ % root_ports) : "pci.0";
        device["addr"] = q35 ? "0" : "1" + std::string(1, "0123456789abcdef"[generation_ % 16]);
        const json place{{"path", "/machine/peripheral/x"}, {"property", "parent_bus"}};
        return {command("object-add", memory),
                {command("device_add", device), command("qom-get", place)}};
    }
    static json command(const std::string& name, const json& arguments) {
        return {{"execute", name}, {"arguments", arguments}};
    }
    std::string backend() const { return "m" + std::to_string(generation_); }

    TempDir directory_;
    TempDir regions_ = TempDir::shared_memory();
    Dozen ours_;
    Dozen raw_;
    ByHand program_;
    std::optional<DaemonProcess> daemon_;
    std::optional<VarlinkClient> client_;
    std::vector<ByHand::Script> scripts_;
    unsigned generation_ = 0;
};

void print_tail(const std::string& what, const Samples& samples) {
    std::printf("%-44s %8.2f ms\n", (what + ", 99th percentile").c_str(), samples.percentile(99));
}

}  // namespace

void measure_transactions(Report& report) {
    Transactions world;
    Samples ours, by_hand;
    for (int i = -warm_up; i < rounds; ++i) {
        Samples first, second;
        const auto transaction = [&](Samples& into) { into.measure([&] { world.attach(); }); };
        const auto program = [&](Samples& into) { into.measure([&] { world.attach_by_hand(); }); };
        world.prepare_by_hand();
        std::this_thread::sleep_for(pause);
        i % 2 == 0 ? transaction(i < 0 ? first : ours) : program(i < 0 ? second : by_hand);
        std::this_thread::sleep_for(pause);
        i % 2 == 0 ? program(i < 0 ? second : by_hand) : transaction(i < 0 ? first : ours);
        world.detach();
        world.detach_by_hand();
    }
    report.line("a transaction over 12 machines", ours);
    print_tail("a transaction over 12 machines", ours);
    report.line("the same by hand, to all at once", by_hand);
    print_tail("the same by hand", by_hand);
    report.goal("transaction / by hand", ours.median() / by_hand.median(), 1.3, "times");
}

}  // namespace ivshmemd::bench
