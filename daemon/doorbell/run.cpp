#include "daemon/doorbell/run.h"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "daemon/base/fd_limit.h"
#include "daemon/base/log.h"
#include "daemon/base/notify.h"
#include "daemon/base/unix_listener.h"
#include "daemon/doorbell/descriptor_limit.h"
#include "daemon/doorbell/memory.h"
#include "daemon/doorbell/server.h"
#include "daemon/region/files.h"
#include "daemon/region/lease.h"
#include "lib/size.h"

namespace ivshmemd::doorbell {
namespace {

struct Listening {
    UniqueFd socket;
    std::string description;             // the path, where we made it
    std::optional<RegionIdentity> file;  // of the socket, where we made it
};

Result<Listening> take_passed_socket(int count) {
    UniqueFd socket(SD_LISTEN_FDS_START);
    if (count > 1 || ::sd_is_socket_unix(socket.get(), SOCK_STREAM, 1, nullptr, 0) <= 0) {
        return Error(ErrorKind::config_unsupported,
                     "systemd passed something other than one listening Unix stream socket");
    }
    return Listening{std::move(socket), "the socket that systemd passed", std::nullopt};
}

// Unless somebody else's socket is there by now.
void remove_socket(const std::string& path, const RegionIdentity& file) {
    if (RegionFiles::look(path).identity == file) ::unlink(path.c_str());
}

Result<Listening> open_listener(const Options& options) {
    if (const int passed = ::sd_listen_fds(1); passed > 0) return take_passed_socket(passed);
    if (!options.socket) {
        return Error(ErrorKind::invalid_parameter,
                     "--socket is missing, and systemd passed no socket");
    }
    Result<UnixListener> listener = listen_at(*options.socket, options.mode, options.group);
    if (!listener) return listener.error();
    const auto file = RegionFiles::identity(*options.socket);
    if (!listener->group_problem.empty()) {
        if (file) remove_socket(*options.socket, *file);
        return Error(
            ErrorKind::permission_denied,
            "cannot give " + *options.socket + " the group asked for: " + listener->group_problem);
    }
    return Listening{std::move(listener->socket), *options.socket, file};
}

Result<Memory> open_memory(const Options& options) {
    if (options.region) return open_region(*options.region, options.size, options.group);
    return make_sealed_memory(options.size);
}

SharedDescriptors share(UniqueFd descriptor) {
    Descriptors one;
    one.push_back(std::move(descriptor));
    return std::make_shared<const Descriptors>(std::move(one));
}

awaitable<void> stop_at_signal(boost::asio::signal_set& signals, Server& server,
                               ManagerPost& manager) {
    co_await signals.async_wait(as_result);
    tell_manager("STOPPING=1");
    log_info({"stopping with ", std::to_string(server.peers()), " peers"});
    if (server.peers() > 0) {
        log_info(
            {"they keep ringing each other through the eventfds they hold, but nobody can "
             "join them: to use a new server, each must be attached again"});
    }
    server.stop();
    manager.stop();
}

int serve(const ServerLimits& limits, Memory memory, Listening listening) {
    boost::asio::io_context io{1};
    boost::asio::signal_set signals{io, SIGTERM, SIGINT};
    Server server(io.get_executor(), share(std::move(memory.descriptor)), limits);
    log_info({"serving ", format_size(memory.size), " of ", memory.description, " and ",
              std::to_string(limits.vectors), " vectors each to at most ",
              std::to_string(limits.peers), " peers on ", listening.description});
    server.start(std::move(listening.socket));
    ManagerPost manager(io.get_executor());
    spawn(io.get_executor(), "signals", stop_at_signal(signals, server, manager));
    manager.post("READY=1");
    io.run();
    if (listening.file) remove_socket(listening.description, *listening.file);
    return 0;
}

int fail(const Error& error) {
    log_critical({error.message});
    return error.kind == ErrorKind::invalid_parameter ? 2 : 1;
}

}  // namespace

int run_server(const Options& options) {
    open_log(options.log_level);
    ignore_broken_leases();
    const std::uint64_t descriptor_limit = raise_descriptor_limit();
    const Result<unsigned> peers = decide_peers(options.peers, options.vectors, descriptor_limit);
    if (!peers) return fail(peers.error());
    // The listener comes last: a QEMU that connects and is then left alone would hang.
    Result<Memory> memory = open_memory(options);
    if (!memory) return fail(memory.error());
    Result<Listening> listening = open_listener(options);
    if (!listening) return fail(listening.error());
    const ServerLimits limits{options.vectors, *peers, options.patience,
                              decide_unread(*peers, descriptor_limit)};
    return serve(limits, std::move(*memory), std::move(*listening));
}

}  // namespace ivshmemd::doorbell
