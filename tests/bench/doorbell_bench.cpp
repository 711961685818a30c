#include <deque>
#include <stdexcept>

#include "tests/bench/bench.h"
#include "tests/support/bad_servers.h"
#include "tests/support/daemon_process.h"
#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/qemu_vm.h"
#include "tests/support/qmp_pulse.h"

namespace ivshmemd::bench {
namespace {

using namespace test;

constexpr int handshakes = 200;
constexpr int stalled_peers = 16;

// The longest that QEMU kept anybody waiting while the daemon met bad servers.
double longest_wait() {
    const TempDir directory;
    const std::string pulse = directory / "pulse.sock";
    VmOptions machine{.name = "vm0"};
    machine.extra = {"-qmp", "unix:" + pulse + ",server=on,wait=off"};
    const QemuVm vm(directory.path(), machine);
    DaemonOptions options;
    options.vms = {{"vm0", vm.qmp_socket()}};
    const DaemonProcess daemon(options);
    daemon.wait_vm_state("vm0", "connected", soon());
    QmpPulse beat(pulse);
    for (const BadServerKind& kind : bad_servers()) {
        const ScriptedServer server(directory.path() / "server.sock", kind.script);
        const CtlResult result =
            daemon.ctl({"attach", "vm0", "bell", "--vectors", "1", "--server", server.path()});
        if (result.exit_code != 8) throw std::runtime_error(kind.name + ": " + result.err);
    }
    return static_cast<double>(beat.stop().count());
}

// From connecting to having one's own vector.
Samples join(const DoorbellServer& server) {
    Samples samples;
    for (int i = 0; i < handshakes; ++i) {
        samples.measure([&] {
            DoorbellPeer peer(server.socket());
            if (!peer.wait_vectors(peer.id(), 1)) throw std::runtime_error("no vector came");
        });
    }
    return samples;
}

}  // namespace

void measure_doorbells(Report& report, const Options&) {
    report.add_figure("query-status beside bad servers, longest", longest_wait(), 100, "ms");
    const DoorbellServer server;
    const Samples alone = join(server);
    std::deque<DoorbellPeer> stalled;  // they read nothing any more
    for (int i = 0; i < stalled_peers; ++i) stalled.emplace_back(server.socket());
    const Samples beside = join(server);
    report.add({.name = "doorbell handshake beside stalled peers",
                .ours = beside,
                .reference = "nobody else",
                .beside = alone});
    report.add_figure("what stalled peers delay, longest", beside.most() - alone.median(), 10,
                      "ms");
}

}  // namespace ivshmemd::bench
