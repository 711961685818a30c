#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/migration_fixture.h"
#include "tests/support/json_text.h"

// Migrations of a booted guest that come to nothing, or whose daemon is killed on the way: either
// end runs with all its devices, and the daemon says which. One guest goes through several of them.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::set<std::string> every_device{"m", "p1", "p2"};

class MigrationFailure : public MigrationFixture {
  protected:
    void start_guest() {
        start_source({.guest = true});
        source_->wait_guest_ready();
        attach("m", "master");
        attach("p1");
        attach("p2");
        start_right_destination();
    }

    void expect_stayed(Child& migrate, int exit_code, const std::string& error,
                       const std::string& says) {
        ASSERT_EQ(migrate.wait_exit(boot_deadline()), exit_code) << migrate.out() << migrate.err();
        const json answer = parse_json(migrate.out());
        EXPECT_EQ(error_of(answer), error) << answer;
        EXPECT_THAT(migrate.err(), HasSubstr(says));
        expect_at_source(every_device);
        EXPECT_EQ(phase(), "") << "nothing is left to be done";
    }

    /// Restarts the daemon after it was killed in this phase of a migration.
    void kill_daemon_in(const std::string& phase_name) {
        ASSERT_TRUE(wait_phase(phase_name)) << phase();
        daemon_->kill();
    }
    void restart_daemon() {
        daemon_->start();
        wait_connected("src");
    }
};

TEST_F(MigrationFailure, LeavesEverythingAtTheSource) {
    start_guest();
    limit_bandwidth(256 << 10);
    {
        SCOPED_TRACE("cancelled by another client, before one that follows");
        VarlinkClient client(daemon_->socket());
        client.send("io.ivshmemd.Hotplug.Migrate",
                    {{"vm", "src"}, {"uri", uri()}, {"detachPeers", true}, {"force", needs_care()}},
                    true);
        std::set<std::string> phases;
        json reply(client.next_reply(boot_deadline()));
        while (member(reply, "continues") == true) {
            check_reply("Migrate", reply);
            const json progress(member(member(reply, "parameters"), "progress"));
            phases.insert(progress.value("phase", ""));
            if (progress.value("total", 0) > 1 << 20) source_->spy().execute("migrate_cancel");
            reply = client.next_reply(boot_deadline());
        }
        check_reply("Migrate", reply);
        EXPECT_EQ(error_of(reply), "QemuError") << reply;
        EXPECT_EQ(phases, (std::set<std::string>{"detaching", "migrating", "replugging"}));
        expect_at_source(every_device);
        EXPECT_EQ(phase(), "");
    }
    {
        SCOPED_TRACE("the destination is killed");
        start_right_destination();
        Child child(start_migrate());
        ASSERT_TRUE(wait_migration_status("active"));
        destination_->kill();
        expect_stayed(child, 8, "QemuError", "stays where it is");
    }
    {
        SCOPED_TRACE("nobody listens");
        stop_destination();
        Child child(start_migrate());
        expect_stayed(child, 8, "QemuError", "stays where it is");
    }
    {
        SCOPED_TRACE("a peer does not leave in time");
        source_->pause();
        ASSERT_TRUE(eventually(
            soon(), [&] { return member(find_vm(*daemon_, "src"), "runState") == "paused"; }));
        Child child(start_migrate({"--detach-peers", "--timeout", "1"}));
        EXPECT_EQ(child.wait_exit(boot_deadline()), 7) << child.err();
        EXPECT_EQ(error_of(parse_json(child.out())), "TimedOut");
        EXPECT_EQ(phase(), "replugging");
        source_->resume();  // it leaves after all, and comes back
        EXPECT_TRUE(wait_phase("")) << phase();
        expect_at_source(every_device);
    }
}

TEST_F(MigrationFailure, OfItsDaemonIsUndoneOrFinished) {
    start_guest();
    {
        SCOPED_TRACE("killed while the peers leave");
        source_->pause();
        ASSERT_TRUE(eventually(
            soon(), [&] { return member(find_vm(*daemon_, "src"), "runState") == "paused"; }));
        Child child(start_migrate());
        ASSERT_TRUE(wait_device_state("src", "p1", "detaching"));
        kill_daemon_in("detaching");
        source_->resume();
        restart_daemon();
        EXPECT_TRUE(wait_phase("")) << phase();
        expect_at_source(every_device);
    }
    limit_bandwidth(256 << 10);
    {
        SCOPED_TRACE("killed while bytes are sent, which then fails");
        Child child(start_migrate());
        ASSERT_TRUE(wait_migration_status("active"));
        kill_daemon_in("migrating");
        source_->spy().call("migrate_cancel");
        ASSERT_TRUE(wait_migration_status("cancelled"));
        restart_daemon();
        EXPECT_TRUE(wait_phase("")) << phase();
        expect_at_source(every_device);
    }
    {
        SCOPED_TRACE("killed while bytes are sent, and again on the way back");
        start_right_destination();
        Child child(start_migrate());
        ASSERT_TRUE(wait_migration_status("active"));
        kill_daemon_in("migrating");
        restart_daemon();
        expect_ctl_error(*daemon_, {"attach", "src", "x", "--size", "1M"}, 6, "MigrationActive");
        source_->spy().call("migrate_cancel");
        // On its way back, or already there: either will do.
        ASSERT_TRUE(eventually(soon(), [&] { return phase() != "migrating"; }));
        daemon_->kill();
        restart_daemon();
        EXPECT_TRUE(wait_phase("")) << phase();
        expect_at_source(every_device);
    }
    {
        SCOPED_TRACE("killed while bytes are sent, which then arrive");
        start_right_destination();
        Child child(start_migrate());
        ASSERT_TRUE(wait_migration_status("active"));
        kill_daemon_in("migrating");
        limit_bandwidth(1 << 30);
        ASSERT_TRUE(wait_migration_status("completed"));
        restart_daemon();
        wait_connected("dst");
        EXPECT_TRUE(wait_phase("completed")) << phase();
        expect_at_destination({"m"});
        daemon_->kill();
        restart_daemon();
        wait_connected("dst");
        EXPECT_EQ(expect_ctl_success(*daemon_, {"replug", "dst"})["devices"].size(), 2u);
        expect_at_destination(every_device);
        EXPECT_EQ(phase(), "");
    }
}

}  // namespace
}  // namespace ivshmemd::test
