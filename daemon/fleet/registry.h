#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/base/scope.h"
#include "daemon/fleet/directory.h"
#include "daemon/host.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {

/// All VMs: those configured, and those whose sockets stand in the watched directories. Of two
/// sockets for one name the one that was there first stays, or comes first in the configuration.
class Registry {
  public:
    explicit Registry(Host& host);

    /// Starts looking after the configured VMs and watching the directories.
    void start();

    /// Goes over to what the host's configuration says now. VMs that it says the same of go on
    /// undisturbed.
    void follow_config();

    /// Ends all connections; what is under way comes to its end.
    void stop();
    /// Waits for that. False at the deadline.
    awaitable<bool> ended(SteadyClock::time_point until) { return scope_.ended(until); }
    bool stopped() const { return stopped_; }

    /// Null when there is none of that name.
    std::shared_ptr<Vm> find(const std::string& name) const;

    /// All VMs, by name.
    std::vector<std::shared_ptr<Vm>> all() const;

  private:
    void add(VmConfig config);
    void remove(const std::string& name);
    using DirectoryPointer = std::shared_ptr<Directory>;

    void watch_directories();
    std::map<std::string, std::string> find_sockets();
    void scan();
    awaitable<void> watch(DirectoryPointer directory);
    void warn_once(const std::string& text);
    awaitable<void> look_after(std::shared_ptr<Vm> vm, std::shared_ptr<Vm> predecessor);

    Host& host_;
    bool stopped_ = false;
    Scope scope_;
    std::map<std::string, std::shared_ptr<Vm>> ending_;  // that were stopped, by name
    std::vector<DirectoryPointer> directories_;          // in the configuration's order
    std::set<std::string> watched_;                      // names that came from them
    std::set<std::string> warned_;
};

}  // namespace ivshmemd
