#pragma once

#include <functional>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "tests/e2e/checked_api.h"
#include "tests/e2e/machine_state.h"
#include "tests/support/daemon_process.h"
#include "tests/support/qemu_test.h"
#include "tests/support/qemu_vm.h"

namespace ivshmemd::test {

/// Base of the tests of a real daemon with real machines.
///
/// A machine without a guest runs its firmware, which never answers a removal; reset_machine() then
/// completes it, as the reset of a real machine would.
class HotplugTest : public QemuTest {
  protected:
    /// Shows the daemon's log of a test that failed.
    void TearDown() override;

    /// Starts the daemon for these machines and waits until it is connected to all of them.
    void start_daemon(std::initializer_list<const QemuVm*> vms, DaemonOptions options = {});
    void wait_connected(const std::string& vm, Deadline deadline = soon());

    std::filesystem::path region_file(const std::string& name) const { return regions_ / name; }

    /// Starts a detach that goes on in the background, and waits until the removal was asked for.
    Child start_detach(const std::string& vm, const std::string& name,
                       const std::vector<std::string>& options = {});
    /// Waits until the daemon says that the device is in this state; "" for gone.
    bool wait_device_state(const std::string& vm, const std::string& name,
                           const std::string& state);
    /// Waits until the daemon lists no device of it, which it does a moment after the last object
    /// or file is gone.
    bool wait_no_devices(const std::string& vm);
    /// Detaches from a machine without a guest.
    void detach_by_reset(QemuVm& vm, const std::string& name,
                         const std::vector<std::string>& options = {});
    /// Resets it until this detach ends: QEMU may hear of the first reset before the removal, which
    /// comes on another monitor. The exit code.
    std::optional<int> reset_until_exit(QemuVm& vm, Child& detach);
    static void reset_machine(QemuVm& vm) { vm.spy().call("system_reset"); }

    /// A memory backend and a device as another manager would make them, called `id` and
    /// `<id>-memory`; without a device id when `anonymous`. `bus` where QEMU cannot choose one.
    void add_foreign_device(QemuVm& vm, const std::string& id, const std::string& bus = "",
                            bool anonymous = false);

    /// Arguments that make QEMU print every command it hears to standard error.
    static VmOptions traced(VmOptions options);
    /// How often such a QEMU has heard this command.
    static int times_heard(const QemuVm& vm, const std::string& command);

    std::optional<DaemonProcess> daemon_;
    /// Whether a reset completes a removal; where it does not, nobody needs to be asked for one.
    bool reset_removes_ = true;
};

}  // namespace ivshmemd::test
