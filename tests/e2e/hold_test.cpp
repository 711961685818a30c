#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/e2e/machine.h"
#include "tests/e2e/migration_fixture.h"
#include "tests/support/exhaustive.h"
#include "tests/support/json_text.h"

// Others migrate a machine, or take a snapshot of it, while ivshmemctl without-peers has its peers
// out. The machines have no guest, and ports that give their devices up at once.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class HoldOfMachine : public MigrationFixture {
  protected:
    void SetUp() override {
        MigrationFixture::SetUp();
        if (has_old_native_ports()) GTEST_SKIP() << old_ports_keep;
        ASSERT_EQ(::mkfifo(fifo().c_str(), 0600), 0);
    }

    std::string fifo() const { return dir_ / "end"; }
    std::string disk() const { return dir_ / "disk"; }

    static VmOptions machine() {
        const Machine kind = all_machines().back();
        return {.machine = kind.type, .root_ports = kind.root_ports, .extra = native_hotplug()};
    }

    /// A machine with a disk that takes snapshots, and the peers p1 and p2.
    void start_with_disk() {
        std::ofstream(disk()).flush();
        VmOptions options = machine();
        options.extra.insert(options.extra.end(),
                             {"-blockdev", "driver=file,node-name=file0,filename=" + disk()});
        start_source(options);
        QmpClient& monitor = source_->spy();
        monitor.call("blockdev-create",
                     {{"job-id", "make"},
                      {"options", {{"driver", "qcow2"}, {"file", "file0"}, {"size", 64 << 20}}}});
        ASSERT_EQ(end_of_job("make"), "");
        monitor.call("blockdev-add",
                     {{"driver", "qcow2"}, {"node-name", "disk0"}, {"file", "file0"}});
        attach("p1");
        attach("p2");
    }
    /// The error of a job once it has ended; empty when it went well.
    std::string end_of_job(const std::string& id) {
        std::string error = "it does not end";
        eventually(boot_deadline(), [&] {
            for (const json& job : source_->spy().call("query-jobs")) {
                if (job["id"] != id || job["status"] != "concluded") continue;
                error = job.value("error", "");
                return true;
            }
            return false;
        });
        source_->spy().call("job-dismiss", {{"id", id}});
        return error;
    }
    void start_snapshot(const std::string& tag) {
        source_->spy().call("snapshot-save", {{"job-id", tag},
                                              {"tag", tag},
                                              {"vmstate", "disk0"},
                                              {"devices", json::array({"disk0"})}});
    }

    /// without-peers around a command that says when it runs and waits for end_command().
    Command hold_command() const {
        return daemon_->ctl_command({"without-peers", "src", "--", "sh", "-c",
                                     "echo it runs; read code < " + fifo() + "; exit $code"});
    }
    void end_command(int code) { std::ofstream(fifo()) << code << '\n'; }

    json holds() { return member(list_reply(), "holds"); }
    json list_reply() { return json(expect_ctl_success(*daemon_, {"list"})); }
    /// Until the daemon names a plan with this command.
    bool wait_plan(const std::string& mend) {
        return eventually(boot_deadline(), [&] {
            const json now(holds());
            return now.size() == 1 && now[0].value("mend", "") == mend;
        });
    }

    /// Until nobody holds the source any more: the daemon hears of a killed client's wish when it
    /// is dead already, so that another hold follows that one.
    void await_rest() {
        CtlResult last;
        EXPECT_TRUE(eventually(boot_deadline(), [&] {
            last = daemon_->ctl({"without-peers", "src", "--", "true"}, boot_deadline());
            return last.exit_code == 0;
        })) << last.err;
        EXPECT_TRUE(eventually(soon(), [this] { return nothing_left_to_do(); }));
        EXPECT_TRUE(holds().empty()) << holds();
    }

    std::mt19937 random_{std::random_device{}()};
    std::chrono::milliseconds moment(int longest) {
        return std::chrono::milliseconds(std::uniform_int_distribution<int>(0, longest)(random_));
    }
};

TEST_F(HoldOfMachine, LetsAnotherTakeASnapshot) {
    if (QemuVm::installed_version() < 6000) GTEST_SKIP() << "snapshot-save came with QEMU 6.0";
    start_with_disk();
    start_snapshot("refused");
    EXPECT_THAT(end_of_job("refused"), HasSubstr("peer mode"));
    Child child(hold_command());
    ASSERT_TRUE(child.wait_out("it runs", boot_deadline())) << child.err();
    EXPECT_EQ(holds()[0]["phase"], "held") << holds();
    EXPECT_EQ(member(find_vm(*daemon_, "src"), "hold")["devices"], json({"p1", "p2"}));
    start_snapshot("taken");
    EXPECT_EQ(end_of_job("taken"), "");
    EXPECT_TRUE(list_devices(*daemon_, "src").empty());
    end_command(5);
    EXPECT_EQ(child.wait_exit(boot_deadline()), 5) << child.err();
    expect_at_source({"p1", "p2"});
    EXPECT_TRUE(holds().empty());
    EXPECT_TRUE(nothing_left_to_do());
}

TEST_F(HoldOfMachine, LetsAnotherMigrateItAndNamesThePlan) {
    start_source(machine());
    attach("p1");
    attach("p2");
    start_destination({});
    Child child(hold_command());
    ASSERT_TRUE(child.wait_out("it runs", boot_deadline())) << child.err();
    const CtlResult second = daemon_->ctl({"without-peers", "src", "--", "true"});
    EXPECT_EQ(second.exit_code, 6) << second.err;
    source_->spy().call("migrate", {{"uri", uri()}});
    ASSERT_TRUE(wait_migration_status("completed"));
    end_command(0);
    EXPECT_EQ(child.wait_exit(boot_deadline()), 0) << child.err();
    EXPECT_THAT(child.err(), HasSubstr("has left without p1, p2"));
    ASSERT_TRUE(wait_plan("ivshmemctl replug dst")) << holds();
    const CtlResult doctor = run_ctl(*daemon_, {"doctor"}, boot_deadline());
    EXPECT_THAT(doctor.out, HasSubstr("ivshmemctl replug dst"));
    expect_ctl_success(*daemon_, {"replug", "dst"});
    expect_at_destination({"p1", "p2"});
    EXPECT_TRUE(holds().empty());
}

TEST_F(HoldOfMachine, ThatHasLeftIsForgottenWhenNobodyWantsItsPeers) {
    start_source(machine());
    attach("p1");
    start_destination_elsewhere({});
    Child child(hold_command());
    ASSERT_TRUE(child.wait_out("it runs", boot_deadline())) << child.err();
    source_->spy().call("migrate", {{"uri", uri()}});
    ASSERT_TRUE(wait_migration_status("completed"));
    end_command(0);
    EXPECT_EQ(child.wait_exit(boot_deadline()), 0) << child.err();
    ASSERT_TRUE(wait_plan("ivshmemctl replug src")) << holds();
    const json hold(holds()[0]);
    EXPECT_EQ(hold["forget"], "ivshmemctl replug src --forget") << hold;
    const CtlResult doctor = run_ctl(*daemon_, {"doctor"}, boot_deadline());
    EXPECT_THAT(doctor.out, HasSubstr("p1 is out: the VM left while a client held it"));
    const json forgotten(expect_ctl_success(*daemon_, {"replug", "src", "--forget"}));
    EXPECT_EQ(forgotten["forgotten"][0]["name"], "p1") << forgotten;
    EXPECT_TRUE(holds().empty());
    EXPECT_TRUE(nothing_left_to_do());
}

TEST_F(HoldOfMachine, RunsNothingForACommandThatIsNotThere) {
    start_source(traced(machine()));
    attach("p1");
    const CtlResult refused =
        run_ctl(*daemon_, {"without-peers", "src", "--", "no-such-program"}, boot_deadline());
    EXPECT_EQ(refused.exit_code, 127) << refused.err;
    expect_at_source({"p1"});
    EXPECT_EQ(times_heard(*source_, "device_del"), 0);
}

TEST_F(HoldOfMachine, RunsNothingWhenTheGuestKeepsAPeer) {
    VmOptions pc;
    pc.machine = "pc";
    start_source(pc);
    attach("p1");
    const CtlResult kept =
        run_ctl(*daemon_, {"without-peers", "--timeout", "1", "src", "--", "touch", dir_ / "ran"},
                boot_deadline());
    EXPECT_EQ(kept.exit_code, 7) << kept.err;
    EXPECT_FALSE(std::filesystem::exists(dir_ / "ran"));
    EXPECT_EQ(holds()[0]["phase"], "returning") << holds();
    if (!reset_removes_) return;
    EXPECT_TRUE(eventually(boot_deadline(), [&] {
        reset_machine(*source_);
        return nothing_left_to_do();
    }));
    expect_at_source({"p1"});
}

TEST_F(HoldOfMachine, OutlivesARestartOfTheDaemon) {
    start_source(machine());
    attach("p1");
    {
        Child child(hold_command());
        ASSERT_TRUE(child.wait_out("it runs", boot_deadline())) << child.err();
        daemon_->kill();
        daemon_->start();
        wait_connected("src");
        expect_at_source({"p1"});
        end_command(0);
        EXPECT_EQ(child.wait_exit(boot_deadline()), 0);
        EXPECT_THAT(child.err(), HasSubstr("connection to the daemon was lost"));
    }
    EXPECT_TRUE(nothing_left_to_do());
}

// Before, while and after the peers leave, the snapshot is taken, and they come back.
TEST_F(HoldOfMachine, BringsThePeersBackWhenItsClientIsKilledDuringASnapshot) {
    if (QemuVm::installed_version() < 6000) GTEST_SKIP() << "snapshot-save came with QEMU 6.0";
    start_with_disk();
    const int times = exhaustive() ? 50 : 4;
    for (int i = 0; i < times; ++i) {
        const std::chrono::milliseconds doom = moment(1200);
        SCOPED_TRACE("killed after " + std::to_string(doom.count()) + " ms");
        const std::string tag = "s" + std::to_string(i);
        const Deadline deadline = Deadline::after(doom);
        Child child(hold_command());
        const bool runs = child.wait_out("it runs", deadline);
        if (runs) start_snapshot(tag);
        child.wait_exit(deadline);
        child.kill();
        if (runs) end_of_job(tag);
        await_rest();
        expect_at_source({"p1", "p2"});
        if (HasFailure()) return;
    }
}

TEST_F(HoldOfMachine, BringsThePeersBackOrNamesThePlanWhenItsClientIsKilledDuringAMigration) {
    start_source(machine());
    const int times = exhaustive() ? 50 : 3;
    int arrived = 0;
    for (int i = 0; i < times; ++i) {
        const std::chrono::milliseconds doom = moment(2000);
        SCOPED_TRACE("killed after " + std::to_string(doom.count()) + " ms");
        attach("p1");
        attach("p2");
        start_destination({});
        limit_bandwidth(std::uint64_t{8} << 20);
        const Deadline deadline = Deadline::after(doom);
        Child child(hold_command());
        const bool runs = child.wait_out("it runs", deadline);
        if (runs) source_->spy().call("migrate", {{"uri", uri()}});
        child.wait_exit(deadline);
        child.kill();
        if (runs && wait_migration_status("completed")) {
            ++arrived;
            ASSERT_TRUE(wait_plan("ivshmemctl replug dst")) << holds();
            expect_ctl_success(*daemon_, {"replug", "dst"});
            expect_at_destination({"p1", "p2"});
            EXPECT_TRUE(nothing_left_to_do());
            EXPECT_TRUE(holds().empty());
        } else {
            await_rest();
            expect_at_source({"p1", "p2"});
        }
        if (HasFailure()) return;
        stop_destination();
        renew_source();
    }
    RecordProperty("arrived", arrived);
}

}  // namespace
}  // namespace ivshmemd::test
