#include <csignal>
#include <deque>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/bench/bench.h"
#include "tests/bench/hostile.h"
#include "tests/bench/running.h"
#include "tests/e2e/machine_state.h"
#include "tests/support/daemon_process.h"
#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::bench {
namespace {

using nlohmann::json;
using namespace test;

constexpr int calm_rounds = 100;
constexpr int stopped_machines = 8;
constexpr std::uint64_t events = 1'500'000;
constexpr auto calm_pause =
    std::chrono::milliseconds(60);        // so that slots have rested before their turn
constexpr std::size_t entry_name = 2000;  // bytes of one name in a long answer

Samples time_calls(VarlinkClient& client, const std::string& method, int count) {
    Samples samples;
    for (int i = 0; i < count; ++i) {
        samples.measure(
            [&] { success(client.call("io.ivshmemd.Hotplug." + method, json::object())); });
    }
    return samples;
}

/// A machine with a guest, and one whose monitor does as it likes.
class Neighbours {
  public:
    Neighbours() : ours_(directory_.path(), {.name = "ours", .guest = true}) {
        ours_.wait_guest_ready();
        noisy_.listen(directory_ / "noisy.qmp");
        DaemonOptions options;
        options.vms = {{"ours", ours_.qmp_socket()}, {"noisy", directory_ / "noisy.qmp"}};
        daemon_.emplace(options);
        for (const char* vm : {"ours", "noisy"}) {
            if (!daemon_->wait_vm_state(vm, "connected", soon())) throw std::runtime_error(vm);
        }
        client_.emplace(daemon_->socket());
    }

    FakePc& noisy() { return noisy_; }
    DaemonProcess& daemon() { return *daemon_; }
    VarlinkClient& client() { return *client_; }

    Samples time_attaches(int count) {
        Samples samples;
        for (int i = 0; i < count; ++i) {
            samples.measure([&] {
                success(client_->call("io.ivshmemd.Hotplug.Attach",
                                      {{"vm", "ours"}, {"name", "x"}, {"size", 1 << 20}}));
            });
            success(client_->call("io.ivshmemd.Hotplug.Detach", {{"vm", "ours"}, {"name", "x"}},
                                  boot_deadline()));
            std::this_thread::sleep_for(calm_pause);
        }
        return samples;
    }

  private:
    TempDir directory_;
    QemuVm ours_;
    FakePc noisy_;
    std::optional<DaemonProcess> daemon_;
    std::optional<VarlinkClient> client_;
};

void measure_events(Report& report) {
    Neighbours world;
    Samples taken;
    taken.measure([&] { send_events(world.noisy().qemu(), events); });
    success(world.client().call("io.ivshmemd.Hotplug.ListVms", json::object()));
    report.add_figure("1.5 million events are taken in", taken.median() / 1000, 20, "s");
    report.add_figure("memory at most, while 1.5 million events come",
                      mebibytes_of(world.daemon().process().pid(), "VmHWM"), 64, "MiB");
}

/// An answer with a list of that many bytes. More than 4 MiB end the connection.
json long_answer(std::size_t bytes) {
    json list(json::array());
    for (std::size_t i = 0; i * entry_name < bytes; ++i) {
        list.push_back({{"name", std::string(entry_name, 'n')}, {"type", "child<rng-builtin>"}});
    }
    return FakeQemu::ok(list);
}

void measure_long_answers(Report& report) {
    Neighbours world;
    const Samples quiet = time_calls(world.client(), "ListVms", 1000);
    for (const std::size_t mebibytes : {std::size_t{3}, std::size_t{14}}) {
        const auto answer = std::make_shared<const json>(long_answer(mebibytes << 20));
        const auto asked = std::make_shared<std::atomic<int>>(0);
        FakePc& pc = world.noisy();
        pc.on("qom-list", [&pc, answer, asked](const json& arguments) {
            if (arguments.value("path", "") != "/objects") return pc.real("qom-list", arguments);
            ++*asked;
            return *answer;
        });
        world.noisy().qemu().disconnect();  // it is read anew
        Samples beside;
        const Deadline deadline = boot_deadline();
        while ((*asked == 0 || beside.size() < 1000) && !deadline.passed()) {
            beside.measure([&] {
                success(world.client().call("io.ivshmemd.Hotplug.ListVms", json::object()));
            });
        }
        if (*asked == 0) throw std::runtime_error("the long answer was not asked for");
        report.add_figure(
            "what an answer of " + std::to_string(mebibytes) + " MiB delays others, longest",
            beside.most() - quiet.median(), 50, "ms");
    }
}

void measure_stopped(Report& report) {
    TempDir directory;
    DaemonOptions options;
    std::deque<QemuVm> machines;
    for (int i = 0; i <= stopped_machines; ++i) {
        machines.emplace_back(directory.path(),
                              VmOptions{.name = "vm" + std::to_string(i), .paused = true});
        options.vms.emplace_back(machines.back().name(), machines.back().qmp_socket());
    }
    const DaemonProcess daemon(options);
    for (const auto& [name, monitor] : options.vms) daemon.wait_vm_state(name, "connected", soon());
    VarlinkClient client(daemon.socket());
    time_calls(client, "ListDevices", calm_rounds);
    const Samples alone = time_calls(client, "ListDevices", calm_rounds);
    for (int i = 1; i <= stopped_machines; ++i)
        machines[static_cast<std::size_t>(i)].signal(SIGSTOP);
    const Samples first = time_calls(client, "ListDevices", 1);
    const Samples beside = time_calls(client, "ListDevices", calm_rounds);
    for (int i = 1; i <= stopped_machines; ++i)
        machines[static_cast<std::size_t>(i)].signal(SIGCONT);
    report.add({.name = "the first list after eight of nine were stopped", .ours = first});
    report.add({.name = "list of nine machines, eight stopped",
                .ours = beside,
                .reference = "with none stopped",
                .beside = alone,
                .goal = Goal{Judged::ratio, 1.2}});
}

void measure_hostile(Report& report) {
    Neighbours world;
    std::filesystem::permissions(world.daemon().socket(), std::filesystem::perms(0666));
    std::filesystem::permissions(world.daemon().socket().parent_path(),
                                 std::filesystem::perms(0711));
    const DoorbellServer server({"--vectors", "1"});
    success(world.client().call(
        "io.ivshmemd.Hotplug.Attach",
        {{"vm", "ours"}, {"name", "bell"}, {"server", server.socket()}, {"vectors", 1}}));
    world.time_attaches(calm_rounds / 4);
    const Samples quiet = world.time_attaches(calm_rounds);
    Samples beside;
    {
        const Child client = greedy_client(world.daemon().socket());
        // Up to 100,000 events and 500 comings and goings a second.
        const Repeated flood([&] {
            send_events(world.noisy().qemu(), 200);
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        });
        const Repeated peers([&] {
            const DoorbellPeer peer(server.socket());
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        });
        beside = world.time_attaches(calm_rounds);
    }
    const double allowed = std::max(0.2 * quiet.percentile(99), 10.0);
    report.add({.name = "attach beside three who mean harm",
                .ours = beside,
                .reference = "nobody else",
                .beside = quiet,
                .goal = Goal{Judged::p99, quiet.percentile(99) + allowed}});
}

}  // namespace

void measure_calm(Report& report, const Options&) {
    measure_events(report);
    measure_long_answers(report);
    measure_stopped(report);
    measure_hostile(report);
}

}  // namespace ivshmemd::bench
