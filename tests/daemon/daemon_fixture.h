#pragma once

#include <gtest/gtest.h>

#include <map>

#include "daemon/fleet/registry.h"
#include "daemon/host.h"
#include "tests/daemon/fake_pc.h"
#include "tests/daemon/loop.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {

inline constexpr std::uint64_t mebibyte = 1 << 20;

/// The daemon's VMs without its API: two configured VMs, "a" with a machine behind its monitor and
/// "b" whose socket nobody serves until the test wants so, short deadlines, and what was published.
class DaemonFixture : public ::testing::Test {
  protected:
    DaemonFixture();

    /// Stops everything; whatever still runs then is a defect, and so is what a machine noted.
    void TearDown() override;

    /// Starts looking after the VMs and waits until "a" is connected.
    void start();

    std::shared_ptr<Vm> vm(const std::string& name = "a") { return registry_.find(name); }
    /// Gives "a" a machine, which nobody connects to yet.
    void listen();
    bool wait_state(VmState state, const std::string& name = "a");
    /// Runs until such an event was published; false past the deadline.
    bool wait_event(EventKind kind, const std::string& device);
    /// Lets so much time pass by the clock, which is the test's own from then on: whatever could
    /// happen by then has happened. Not with other threads than those of the machines.
    void pass(Milliseconds time);
    std::size_t count_events(EventKind kind, const std::string& device = "") const;

    std::string socket(const std::string& name) const { return directory_ / (name + ".qmp"); }
    /// What the daemon will call the process behind the socket of "a", which is there from then on.
    std::string run_of_a();
    std::string region_path(const std::string& name) const { return regions_ / name; }

    Loop loop_;
    TempDir directory_;
    TempDir regions_ = TempDir::shared_memory();
    FakePc pc_;
    bool listening_ = false;
    FakePc other_{"22222222-0000-0000-0000-000000000000"};
    Host host_;
    Registry registry_{host_};
    std::vector<Event> events_;
    Events::Subscription subscription_;
};

/// The text of an error's detail; empty when it has none.
std::string detail(const Error& error, const std::string& key);

}  // namespace ivshmemd::test
