#include "daemon/libvirt/run.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "daemon/base/fd_limit.h"
#include "daemon/base/log.h"
#include "daemon/base/notify.h"
#include "daemon/base/watchdog.h"
#include "daemon/libvirt/bridge.h"

namespace ivshmemd::libvirt {
namespace {

// ivshmemd believes what stands in the directory, so nobody else may write there.
Result<void> prepare_directory(const std::string& path) {
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        return Error(ErrorKind::internal, "cannot use " + path + ": " + std::strerror(errno));
    }
    const bool of_trusted = status.st_uid == 0 || status.st_uid == ::geteuid();
    if (!S_ISDIR(status.st_mode) || !of_trusted || (status.st_mode & 0022) != 0) {
        return Error(ErrorKind::permission_denied,
                     path + " has to be a directory that only root or this user may write to");
    }
    return {};
}

awaitable<void> stop_on_signal(boost::asio::signal_set& signals, boost::asio::io_context& io,
                               std::shared_ptr<Bridge> bridge) {
    co_await signals.async_wait(as_result);
    tell_manager("STOPPING=1");
    log_info({"stopping; the domains and their devices stay as they are"});
    bridge->stop();
    io.stop();
}

}  // namespace

int run_bridge(const Options& options) {
    open_log(options.log_level);
    raise_descriptor_limit();
    const Result<void> prepared = prepare_directory(options.directory);
    if (!prepared) {
        log_critical({prepared.error().message});
        return 1;
    }
    start_event_thread();
    boost::asio::io_context io{1};
    boost::asio::signal_set signals{io, SIGTERM, SIGINT};
    const auto bridge = std::make_shared<Bridge>(io.get_executor(), options);
    spawn(io.get_executor(), "signals", stop_on_signal(signals, io, bridge));
    bridge->start();
    ManagerPost manager(io.get_executor());
    manager.post("READY=1");
    Watchdog watchdog(io.get_executor());
    watchdog.start();
    io.run();
    // Not by way of destructors: a call may be waiting for a libvirtd that has stopped answering.
    ::_exit(0);
}

}  // namespace ivshmemd::libvirt
