#pragma once

#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/signal.h"
#include "daemon/base/worker.h"
#include "daemon/libvirt/client.h"
#include "daemon/libvirt/connection.h"
#include "daemon/libvirt/domain_link.h"
#include "daemon/libvirt/options.h"
#include "proto/bridge_note.h"

namespace ivshmemd::libvirt {

/// A running domain and the monitor that is made for it: `<vm>.qmp`, and `<vm>.json` beside it.
///
/// Invariants: one client at a time, as with QEMU; the next one is greeted when the former is gone
/// and its last command has come to its end. While the domain is held nobody is served, and the
/// note says why.
///
/// Order: start(), then anything, stop() for good.
class Domain : public std::enable_shared_from_this<Domain> {
  public:
    Domain(Executor executor, const Options& options, RunningDomain run, std::string vm);

    /// False when no socket can be made, which is logged.
    bool start();
    /// The domain has ended: takes the socket away and ends its client.
    void stop();
    /// The bridge ends, and the domain does not: the socket stays, and nobody is behind it. Taken
    /// away, it would look as if its QEMU had ended.
    void leave();

    /// libvirtd is away, and nothing can be carried out until it is back.
    void lose_libvirtd(const std::string& why);
    void found_libvirtd();

    void take(const MonitorEvent& event);

    const RunningDomain& run() const { return run_; }
    const std::string& vm() const { return vm_; }

  private:
    using Acceptor = LocalAcceptor;
    using LinkPointer = std::shared_ptr<DomainLink>;

    awaitable<void> follow();
    awaitable<void> serve_next();
    awaitable<bool> ready();
    awaitable<bool> connect();
    awaitable<void> drop_link();
    awaitable<std::optional<std::string>> fetch_greeting();
    awaitable<void> serve(Client::Socket socket);
    awaitable<std::optional<std::string>> forward(Request request, UniqueFd fd);
    std::string explain(const Request& request, const Failure& failure) const;
    awaitable<void> look_for_job();
    awaitable<void> look_for_job_once();
    void close();
    void hold(const std::string& why);
    void release();
    void publish();
    awaitable<void> pause();

    Executor executor_;
    const Options& options_;
    RunningDomain run_;
    std::string vm_;
    BridgeNote note_;
    Signal changed_;
    Worker caller_;  // of commands, in order
    Worker asker_;   // what libvirt is doing meanwhile
    LinkPointer link_;
    std::shared_ptr<Acceptor> acceptor_;
    std::shared_ptr<Client> client_;
    bool libvirtd_away_ = false;
    bool looking_for_job_ = false;
    bool stopped_ = false;
};

}  // namespace ivshmemd::libvirt
