#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/qmp_relay.h"

namespace ivshmemd::test {

/// Two machines of one daemon, "src" and "dst": the second one waits for the first. Whatever
/// happens, one of them has to run with all its devices, and the daemon has to know which.
class MigrationFixture : public HotplugTest {
  protected:
    static constexpr const char* uuid = "4fd7a9c4-30ba-44d8-9f3c-3e6b4e1d2a5f";

    /// A source without devices, connected. `dst` is a VM of the daemon that nobody serves yet.
    void start_source(VmOptions options);
    /// The same, with a relay in front of its monitor.
    void start_relayed_source(VmOptions options);
    /// Another machine in its place, which the daemon finds at the same path.
    void restart_source(const std::string& with_uuid);
    /// The same machine, started anew; without a relay.
    void renew_source();
    /// A destination that listens at uri(), started with `devices` as it was told.
    void start_destination(const std::vector<std::string>& devices);
    /// The same without this daemon's knowing, as on another host.
    void start_destination_elsewhere(const std::vector<std::string>& devices);
    /// One that takes the source's masters over. QEMU 9 and later can die of a migration without
    /// KVM while the VM runs: there it gets them by replug.
    void start_right_destination();
    bool needs_care() const { return source_->version() >= 9000; }
    /// The source's masters, as a plan has devices.
    nlohmann::json masters();
    void stop_destination();
    std::string uri() const { return "unix:" + (dir_.path() / "in.sock").string(); }

    std::vector<std::string> qemu_args();
    void attach(const std::string& name, const std::string& role = "peer");
    void attach_bell(const std::string& name, const DoorbellServer& server);

    /// ivshmemctl migrate src, in the background.
    Child start_migrate(const std::vector<std::string>& options = {"--detach-peers"});
    /// The same to its end; its answer, whose exit code has to be that. Both override the warning
    /// that QEMU needs care.
    nlohmann::json migrate(int exit_code,
                           const std::vector<std::string>& options = {"--detach-peers"});
    /// What ivshmemctl is given for that.
    std::vector<std::string> migrate_arguments(const std::vector<std::string>& options) const;
    /// Waits until the migration, as the state file has it, is in this phase; "" for none.
    bool wait_phase(const std::string& phase);
    std::string phase() const;
    /// Whether the state file has nothing that is still to be done.
    bool nothing_left_to_do() const;
    /// Slows a migration down, or lets it go on; bytes a second.
    void limit_bandwidth(std::uint64_t bytes);
    bool wait_migration_status(const std::string& status);

    /// Waits until the source runs with exactly these devices attached, and the daemon says so.
    void expect_at_source(const std::set<std::string>& devices);
    /// The same of the destination, while the source does not run.
    void expect_at_destination(const std::set<std::string>& devices);

    std::optional<QemuVm> source_;
    std::optional<QemuVm> destination_;
    std::optional<QmpRelay> relay_;

  private:
    void launch_destination(const std::string& name, const std::vector<std::string>& devices);
    void put_relay();
    nlohmann::json state() const;
    bool has_devices(const std::string& vm, const std::set<std::string>& devices);

    VmOptions options_;
};

}  // namespace ivshmemd::test
