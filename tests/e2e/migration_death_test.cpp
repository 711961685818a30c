#include <gmock/gmock.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/e2e/migration_fixture.h"
#include "tests/support/json_text.h"

// A QEMU is killed on the way. The machines have no guest, and ports that nobody has switched on:
// they give their devices up at once.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Moment = QmpPoint::Moment;

constexpr const char* other_uuid = "8a1c5d02-6b0e-4c3a-9d55-0f4de1b7c9aa";

class MigrationDeath : public MigrationFixture {
  protected:
    void SetUp() override {
        MigrationFixture::SetUp();
        if (has_old_native_ports()) GTEST_SKIP() << old_ports_keep;
    }

    void start() {
        const Machine machine = all_machines().back();
        start_relayed_source(
            {.machine = machine.type, .root_ports = machine.root_ports, .extra = native_hotplug()});
        attach("m", "master");
        attach("p1");
        attach("p2");
        start_right_destination();
    }

    /// The source dies when the migration comes to this point.
    void doom_source_at(QmpPoint point) {
        relay_->stop_at(std::move(point), [pid = source_->pid()] { ::kill(pid, SIGKILL); });
    }
    void await_doom() {
        ASSERT_TRUE(relay_->wait_stopped(soon())) << "it never came to that";
        bury_source();
    }
    void bury_source() {
        relay_.reset();
        source_->kill();
    }

    void expect_unavailable(Child& migrate, const std::string& says) {
        EXPECT_EQ(migrate.wait_exit(soon()), 5) << migrate.out() << migrate.err();
        EXPECT_EQ(error_of(parse_json(migrate.out())), "VmUnavailable") << migrate.out();
        EXPECT_THAT(migrate.err(), HasSubstr(says));
        EXPECT_TRUE(daemon_->wait_vm_state("src", "unreachable", soon()));
    }

    /// Another VM behind the same monitor gets nothing; the one it was gets its peers.
    void expect_peers_return_to_that_vm_only() {
        const std::string phase_before = phase();
        restart_source(other_uuid);
        expect_ctl_success(*daemon_, {"attach", "src", "x", "--size", "1M"});
        expect_at_source({"x"});
        EXPECT_EQ(qom_names(*source_, "/machine/peripheral").count("ivshmemd.p1"), 0u);
        EXPECT_EQ(phase(), phase_before);
        restart_source(uuid);
        EXPECT_TRUE(eventually(soon(), [this] { return nothing_left_to_do(); })) << phase();
        expect_at_source({"p1", "p2"});
    }

    void expect_arrived(const std::set<std::string>& devices) {
        std::set<std::string> names;
        EXPECT_TRUE(eventually(soon(), [&] {
            names.clear();
            for (const json& device : list_devices(*daemon_, "dst")) names.insert(device["name"]);
            return names == devices;
        })) << testing::PrintToString(names);
        EXPECT_EQ(member(destination_->spy().call("query-status"), "status"), "running");
    }
};

TEST_F(MigrationDeath, OfTheSourceIsSaidAndItsPeersWaitForThatVm) {
    start();
    {
        SCOPED_TRACE("while the peers leave");
        doom_source_at({Moment::answered, "device_del", "ivshmemd.p1"});
        Child child(start_migrate());
        await_doom();
        expect_unavailable(child, "src");
        EXPECT_EQ(phase(), "detaching");
        expect_peers_return_to_that_vm_only();
        EXPECT_EQ(member(find_vm(*daemon_, "dst"), "runState"), "inmigrate");
    }
    {
        SCOPED_TRACE("before it is told to migrate");
        attach("m", "master");
        start_right_destination();
        doom_source_at({Moment::asked, "migrate", "in.sock"});
        Child child(start_migrate());
        await_doom();
        expect_unavailable(child, "the source went away meanwhile");
        EXPECT_EQ(phase(), "migrating");
        expect_peers_return_to_that_vm_only();
        EXPECT_TRUE(destination_->alive());
    }
    {
        SCOPED_TRACE("while bytes are sent");
        attach("m", "master");
        start_right_destination();
        limit_bandwidth(8 << 10);
        Child child(start_migrate());
        ASSERT_TRUE(wait_migration_status("active"));
        bury_source();
        EXPECT_EQ(destination_->wait_exit(soon()), 1) << "what it has got is half a VM";
        expect_unavailable(child, "the source went away meanwhile");
        EXPECT_EQ(phase(), "migrating");
        destination_->kill();
        expect_peers_return_to_that_vm_only();
    }
}

TEST_F(MigrationDeath, OfTheSourceOnceTheDestinationRunsChangesNothing) {
    start();
    doom_source_at({Moment::told, "MIGRATION", "completed"});
    Child child(start_migrate());
    await_doom();
    EXPECT_EQ(child.wait_exit(soon()), 0) << child.out() << child.err();
    EXPECT_EQ(phase(), "completed");
    expect_arrived({"m"});
    restart_source(other_uuid);
    EXPECT_EQ(expect_ctl_success(*daemon_, {"replug", "src"})["devices"], json::array())
        << "another VM";
    EXPECT_EQ(expect_ctl_success(*daemon_, {"replug", "dst"})["devices"].size(), 2u);
    expect_arrived({"m", "p1", "p2"});
    EXPECT_EQ(list_devices(*daemon_, "src"), json::array());
    EXPECT_TRUE(nothing_left_to_do());
}

TEST_F(MigrationDeath, OfTheSourceBeforeReplugLeavesThePeersRemembered) {
    start();
    migrate(0);
    expect_at_destination({"m"});
    bury_source();
    ASSERT_TRUE(daemon_->wait_vm_state("src", "unreachable", soon()));
    daemon_->kill();
    daemon_->start();
    wait_connected("dst");
    EXPECT_EQ(expect_ctl_success(*daemon_, {"replug", "dst"})["devices"].size(), 2u);
    expect_arrived({"m", "p1", "p2"});
    EXPECT_TRUE(nothing_left_to_do());
}

TEST_F(MigrationDeath, OfTheDestinationIsMendedByResumingTheSource) {
    start();
    migrate(0);
    expect_at_destination({"m"});
    stop_destination();
    source_->resume();
    ASSERT_TRUE(eventually(
        soon(), [this] { return member(find_vm(*daemon_, "src"), "runState") == "running"; }));
    EXPECT_EQ(expect_ctl_success(*daemon_, {"replug", "src"})["devices"].size(), 2u);
    expect_at_source({"m", "p1", "p2"});
    EXPECT_TRUE(nothing_left_to_do());
}

}  // namespace
}  // namespace ivshmemd::test
