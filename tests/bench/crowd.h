#pragma once

#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/by_hand.h"
#include "tests/support/daemon_process.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::bench {

/// Machines without a guest, paused in their firmware.
class Crowd {
  public:
    struct Kind {
        std::string machine = "pc";
        int root_ports = 0;
    };
    /// One of each kind, again and again.
    Crowd(const std::filesystem::path& directory, const std::string& prefix, std::size_t count,
          std::vector<Kind> kinds);

    const Kind& kind(std::size_t number) const { return kinds_[number % kinds_.size()]; }
    std::deque<test::QemuVm>& all() { return vms_; }
    std::vector<std::filesystem::path> monitors() const;
    /// A reset is what makes a paused machine let a device go.
    void await_departure(const std::string& id);

  private:
    std::vector<Kind> kinds_;
    std::deque<test::QemuVm> vms_;
};

/// A crowd of the daemon's, with a client for each machine, and an equal one for commands by hand.
class CrowdPair {
  public:
    CrowdPair(std::size_t count, const std::vector<Crowd::Kind>& kinds);

    pid_t daemon() { return daemon_->process().pid(); }

    /// In one transaction.
    void attach_many();
    /// By a request for each machine, all at once.
    void attach_each();
    void detach();

    /// The next commands; not part of what is measured.
    void prepare_by_hand();
    void attach_by_hand() { program_.run(scripts_); }
    void detach_by_hand();

  private:
    ByHand::Script script(const Crowd::Kind& kind) const;
    std::string backend() const { return "m" + std::to_string(generation_); }

    test::TempDir directory_;
    test::TempDir regions_ = test::TempDir::shared_memory();
    Crowd ours_;
    Crowd raw_;
    ByHand program_;
    std::optional<test::DaemonProcess> daemon_;
    nlohmann::json names_ = nlohmann::json::array();
    std::deque<test::VarlinkClient> clients_;
    std::vector<ByHand::Script> scripts_;
    unsigned generation_ = 0;
};

}  // namespace ivshmemd::bench
