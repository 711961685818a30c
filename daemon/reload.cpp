#include "daemon/reload.h"

#include <exception>

#include "daemon/base/log.h"
#include "daemon/declared/declared.h"
#include "daemon/state/declared.h"

namespace ivshmemd {
namespace {

template <class Value>
void keep(const char* key, const Value& before, Value& after, std::string& kept) {
    if (before == after) return;
    after = before;
    kept += (kept.empty() ? "" : ", ") + std::string(key);
}

// Returns the keys whose values stay.
std::string keep_what_needs_a_restart(const Config& before, Config& after) {
    std::string kept;
    keep("daemon.socket", before.socket, after.socket, kept);
    keep("daemon.group", before.socket_group, after.socket_group, kept);
    keep("daemon.read_socket", before.read_socket, after.read_socket, kept);
    keep("daemon.read_group", before.read_group, after.read_group, kept);
    keep("daemon.state_dir", before.state_dir, after.state_dir, kept);
    keep("region.dir", before.region_dir, after.region_dir, kept);
    keep("region_dir", before.region_dirs, after.region_dirs, kept);
    keep("region_device", before.region_devices, after.region_devices, kept);
    keep("limits.reserve_percent", before.reserve_percent, after.reserve_percent, kept);
    keep("region.group", before.region_group, after.region_group, kept);
    return kept;
}

// The manager wants to know that this answers the request it just made, and not an earlier one.
std::string reloading_message() {
    const auto now = SteadyClock::now().time_since_epoch();
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
    return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds);
}

// For the other thread, which nothing may escape.
Result<Config> read_safely(const ConfigReader& read) {
    try {
        return read();
    } catch (const std::exception& error) {
        return Error(ErrorKind::internal, error.what());
    }
}

}  // namespace

void apply_config(Host& host, Registry& registry, Config config) {
    for (const std::string& warning : config.warnings) log_warning({warning});
    const std::string kept = keep_what_needs_a_restart(host.config, config);
    host.config = std::move(config);
    set_log_level(host.config.log_level);
    registry.follow_config();
    spawn(host.executor, "declared devices",
          forget_undeclared(*host.store, host.config, AwayDevices::come_back));
    for (const auto& vm : registry.all()) settle_declared(vm);
    log_info({"configuration reloaded: ", std::to_string(registry.all().size()), " VMs"});
    if (!kept.empty()) {
        log_warning({"these changes of the configuration need a restart: ", kept});
    }
}

awaitable<void> reload_on_signal(boost::asio::signal_set& signals, Host& host, Registry& registry,
                                 ConfigReader read, ManagerStatus& status) {
    while (true) {
        const auto [error, number] = co_await signals.async_wait(as_result);
        if (error) co_return;
        host.manager.post(reloading_message());
        const auto read_again = [&read] { return read_safely(read); };  // names may be asked afar
        Result<Config> config = co_await host.worker.run(read_again);
        if (registry.stopped()) co_return;  // meanwhile
        if (config) {
            apply_config(host, registry, std::move(*config));
            status.touch();
            host.manager.post("READY=1");
            continue;
        }
        const std::string message =
            "not reloaded, the configuration stays as it was: " + config.error().message;
        log_error({message});
        host.manager.post("READY=1");
        status.say(message);
    }
}

}  // namespace ivshmemd
