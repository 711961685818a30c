#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/notify.h"
#include "daemon/base/signal.h"
#include "daemon/base/worker.h"
#include "daemon/libvirt/domain.h"
#include "daemon/libvirt/domain_names.h"

namespace ivshmemd::libvirt {

/// Follows one libvirt: its running domains, and whether it is there at all. Domains outlive
/// libvirtd, and so do their monitors.
class Bridge : public std::enable_shared_from_this<Bridge> {
  public:
    Bridge(Executor executor, const Options& options);

    /// Goes on until the program ends.
    void start();
    /// Serves nobody any more. The domains go on, and their sockets stay.
    void stop();

  private:
    using ConnectionPointer = std::shared_ptr<Connection>;

    awaitable<void> follow();
    awaitable<ConnectionPointer> connect();
    Connection::Handlers handlers();
    awaitable<void> follow_domains(ConnectionPointer connection);
    void settle(const std::vector<RunningDomain>& running);
    void remove_leftovers();
    bool add(const RunningDomain& run);
    void take(const MonitorEvent& event);
    void lose(const std::string& why);
    std::string status() const;

    Executor executor_;
    const Options& options_;
    Signal changed_;
    Worker caller_;
    DomainNames names_;
    std::map<std::string, std::shared_ptr<Domain>> domains_;  // by UUID
    std::set<std::string> told_;  // what was said of domains without a monitor
    ManagerStatus status_line_;
    std::string away_ = "not connected to libvirt yet";  // empty: connected
    std::uint64_t connection_number_ = 0;
    bool look_again_ = false;
    bool stopped_ = false;
};

}  // namespace ivshmemd::libvirt
