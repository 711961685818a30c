#include "daemon/run.h"

#include <malloc.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <iostream>

#include "daemon/api/listen.h"
#include "daemon/api/server.h"
#include "daemon/api/service.h"
#include "daemon/attach/probe_file.h"
#include "daemon/base/fd_limit.h"
#include "daemon/base/log.h"
#include "daemon/base/notify.h"
#include "daemon/base/scope.h"
#include "daemon/base/watchdog.h"
#include "daemon/events/event_log.h"
#include "daemon/fleet/registry.h"
#include "daemon/region/lease.h"
#include "daemon/state/declared.h"
#include "daemon/state/regions.h"

namespace ivshmemd {
namespace {

std::string status_of(const Registry& registry) {
    std::size_t connected = 0;
    std::size_t devices = 0;
    const auto vms = registry.all();
    for (const auto& vm : vms) {
        connected += vm->state() == VmState::connected ? 1 : 0;
        devices += vm->devices().size();
    }
    return std::to_string(connected) + " of " + std::to_string(vms.size()) + " VMs connected, " +
           std::to_string(devices) + " devices";
}

// Short jobs of the other threads need no heap of their own each.
void share_heaps() {
    ::mallopt(M_ARENA_MAX, 2);
}

// Everything the daemon is made of, in the order of its needs.
struct Daemon {
    boost::asio::io_context io{1};
    Host host;
    Registry registry{host};
    Service service{host, registry};
    Server server{host, service};
    boost::asio::signal_set signals{io, SIGTERM, SIGINT};
    boost::asio::signal_set hangup{io, SIGHUP};
    Watchdog watchdog{io.get_executor()};
    ManagerStatus status{io.get_executor(), [this] {
                             give_memory_back();
                             return status_of(registry);
                         }};
    bool has_read_machines = false;
    Scope scope{io.get_executor(), {}};

    explicit Daemon(const Config& config) : host(io.get_executor(), config) {}

    void follow(const Event& event) {
        const bool is_read =
            event.kind == EventKind::vm_state && event.detail == vm_state_name(VmState::connected);
        has_read_machines = has_read_machines || is_read;
        status.touch();
    }

    // To read a machine takes far more memory than what is known of it then.
    void give_memory_back() {
        if (std::exchange(has_read_machines, false)) ::malloc_trim(0);
    }
};

// Whoever asks twice does not want to wait. What is not at its end then is as after a crash, which
// costs nothing but that.
awaitable<void> end_at_second_signal(Daemon& daemon) {
    const auto [error, number] = co_await daemon.signals.async_wait(as_result);
    if (error) co_return;
    log_warning({"stopping at once, at the second signal"});
    std::_Exit(EXIT_FAILURE);
}

awaitable<void> stop_on_signal(Daemon& daemon) {
    const auto [error, number] = co_await daemon.signals.async_wait(as_result);
    if (error) co_return;
    log_info({"stopping"});
    tell_manager("STOPPING=1");
    daemon.watchdog.stop();
    daemon.hangup.cancel();
    daemon.server.stop_listening();
    daemon.scope.spawn("second signal", end_at_second_signal(daemon));
    daemon.registry.stop();  // what is under way fails, and is taken back
    const SteadyClock::time_point deadline = SteadyClock::now() + daemon.host.deadlines.stop;
    if (!co_await daemon.service.answered(deadline)) {
        log_warning({"stopping although an operation has not come to its end"});
    }
    co_await daemon.registry.ended(deadline);
    daemon.signals.cancel();
    co_await daemon.server.flush(deadline);
    daemon.server.close_all();
    daemon.host.relays.leave();
    co_await daemon.server.ended(deadline);
    co_await daemon.host.relays.ended(deadline);
    daemon.status.stop();
    daemon.host.store->stop();
    daemon.host.manager.stop();
}

// Serves on the socket that systemd passed, else on one of its own. False when it cannot.
bool serve_at(Daemon& daemon, UniqueFd passed, const std::string& path, std::optional<gid_t> group,
              Access access) {
    if (passed) {
        daemon.server.start(std::move(passed), access);
        return true;
    }
    std::string warning;
    Result<UniqueFd> listener = listen_for_clients(path, group, warning);
    if (!listener) {
        log_critical({listener.error().message});
        return false;
    }
    if (!warning.empty()) log_warning({warning});
    daemon.server.start(std::move(*listener), access);
    return true;
}

bool listen(Daemon& daemon) {
    const Config& config = daemon.host.config;
    PassedListeners passed = take_passed_listeners();
    if (!serve_at(daemon, std::move(passed.all), config.socket, config.socket_group, Access::all)) {
        return false;
    }
    if (!passed.reading && !config.read_socket) return true;
    return serve_at(daemon, std::move(passed.reading), config.read_socket.value_or(""),
                    config.read_group, Access::reading);
}

}  // namespace

int run_daemon(const Config& config, ConfigReader read_again) {
    share_heaps();
    open_log(config.log_level);
    ignore_broken_leases();
    for (const std::string& warning : config.warnings) log_warning({warning});
    raise_descriptor_limit();  // VMs, clients and announced peers take one each
    Daemon daemon(config);
    Result<std::unique_ptr<StateStore>> store =
        StateStore::open(config.state_dir, daemon.host.writer, daemon.io.get_executor());
    if (!store) {
        log_critical({store.error().message});
        return 1;
    }
    daemon.host.store = std::move(*store);
    if (!daemon.host.store->warning().empty()) log_warning({daemon.host.store->warning()});
    daemon.host.relays.adopt(take_kept_relays());
    if (!listen(daemon)) return 1;
    remove_stale_probe_files(daemon.host.regions.places());
    daemon.scope.spawn("region records", forget_vanished_regions(*daemon.host.store));
    daemon.scope.spawn("declared devices", forget_undeclared(*daemon.host.store, daemon.host.config,
                                                             AwayDevices::stay));
    daemon.scope.spawn("state", daemon.host.store->keep_written());
    const auto logging = daemon.host.events.subscribe(log_event);
    const auto subscription =
        daemon.host.events.subscribe([&daemon](const Event& event) { daemon.follow(event); });
    daemon.scope.spawn("signals", stop_on_signal(daemon));
    daemon.scope.spawn("reload", reload_on_signal(daemon.hangup, daemon.host, daemon.registry,
                                                  std::move(read_again), daemon.status));
    daemon.watchdog.start();
    daemon.host.manager.post("READY=1");
    daemon.registry.start();
    daemon.status.touch();
    daemon.io.run();
    return 0;
}

}  // namespace ivshmemd
