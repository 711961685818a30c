#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/daemon_process.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::bench {

/// Two machines alike, one for the daemon and one for commands by hand, each with its guest.
class MachinePair {
  public:
    MachinePair();

    pid_t daemon() { return daemon_->process().pid(); }

    void attach();
    void detach();
    void attach_by_ctl();

    /// The commands that the daemon sends, in its order: what QEMU maps is known only once it has
    /// answered the first, and where the device went once it has taken it.
    void attach_by_hand();
    /// Without looking at anything in between.
    void attach_blindly();
    void detach_by_hand();

    /// Both at once: what matters is that they are gone.
    void detach_both();

  private:
    // The arguments for its backend and for itself.
    std::pair<nlohmann::json, nlohmann::json> next_device();
    std::string backend() const { return "m" + std::to_string(generation_); }
    void await_departure();

    test::TempDir directory_;
    test::TempDir regions_ = test::TempDir::shared_memory();
    test::QemuVm ours_;
    test::QemuVm raw_;
    std::optional<test::DaemonProcess> daemon_;
    std::optional<test::VarlinkClient> client_;
    int generation_ = 0;
};

}  // namespace ivshmemd::bench
