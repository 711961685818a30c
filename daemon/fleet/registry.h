#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/host.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {

/// All VMs: those configured, and those whose sockets stand in the watched directory.
class Registry {
  public:
    explicit Registry(Host& host);

    /// Starts looking after the configured VMs and watching the directory.
    void start();

    /// Goes over to what the host's configuration says now. VMs that it says the same of go on
    /// undisturbed.
    void follow_config();

    /// Ends all connections. Their coroutines return by themselves.
    void stop();
    bool stopped() const { return stopped_; }

    /// Null when there is none of that name.
    std::shared_ptr<Vm> find(const std::string& name) const;

    /// All VMs, by name.
    std::vector<std::shared_ptr<Vm>> all() const;

  private:
    void add(VmConfig config);
    void remove(const std::string& name);
    void watch_directory();
    void stop_watching();
    void scan();
    awaitable<void> watch();

    Host& host_;
    bool stopped_ = false;
    std::map<std::string, std::shared_ptr<Vm>> vms_;
    std::optional<std::string> directory_;  // that is watched
    std::set<std::string> watched_;         // names that came from the directory
    std::set<std::string> refused_;         // file names warned about
    std::shared_ptr<boost::asio::posix::stream_descriptor> notifications_;
};

}  // namespace ivshmemd
