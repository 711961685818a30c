#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/e2e/migration_fixture.h"
#include "tests/support/json_text.h"

// Two hosts with a daemon each, that know nothing of each other: the plan goes from one to the
// other through a pipe. The machines have no guest, and ports that give their devices up at once.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

std::string shell_words(const Command& command) {
    std::string line;
    for (const std::string& word : command.argv) line += "'" + word + "' ";
    return line;
}

class MigrationPlan : public MigrationFixture {
  protected:
    MigrationPlan() : machine_(all_machines().back()) {
        kind_ = {
            .machine = machine_.type, .root_ports = machine_.root_ports, .extra = native_hotplug()};
    }

    void SetUp() override {
        MigrationFixture::SetUp();
        if (has_old_native_ports()) GTEST_SKIP() << old_ports_keep;
    }

    /// Over there: a QEMU that takes the masters over, with that host's folder for regions.
    void start_away(const std::string& with_uuid) {
        launch_away(with_uuid, needs_care() ? std::vector<std::string>() : qemu_args());
        if (needs_care()) replug_masters();
    }

    /// ivshmemctl replug there of the source's masters, from a plan.
    void replug_masters() {
        std::ofstream(plan()) << json({{"version", 1}, {"vm", "src"}, {"devices", masters()}});
        const CtlResult result = run_ctl(*away_daemon_, {"replug", "away", "--plan", plan()});
        EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
        EXPECT_EQ(member(result.json(), "devices").size(), masters().size());
    }

    void launch_away(const std::string& with_uuid, const std::vector<std::string>& arguments) {
        VmOptions options = kind_;
        options.name = "away";
        options.extra.insert(options.extra.end(), {"-uuid", with_uuid, "-incoming", uri()});
        for (std::string argument : arguments) {
            const std::string here = regions_.path();
            if (const auto at = argument.find(here); at != std::string::npos) {
                argument.replace(at, here.size(), away_regions_.path());
            }
            options.extra.push_back(argument);
        }
        away_.emplace(dir_.path(), options);
        DaemonOptions daemon;
        daemon.vms = {{"away", away_->qmp_socket()}};
        daemon.region_dir = away_regions_.path();
        away_daemon_.emplace(daemon);
        ASSERT_TRUE(away_daemon_->wait_vm_state("away", "connected", soon()));
    }

    /// ivshmemctl migrate here | ivshmemctl replug there; the plan is kept, too. Its output ends
    /// with what both exited with.
    RunResult migrate_through_a_pipe() {
        const std::string from =
            shell_words(daemon_->ctl_command(migrate_arguments({"--detach-peers", "--plan", "-"})));
        const std::string to =
            shell_words(away_daemon_->ctl_command({"replug", "away", "--plan", "-"}));
        const std::string codes = "; echo \"exit codes ${PIPESTATUS[*]}\"";
        return run({{"bash", "-c", from + "| tee " + plan() + " | " + to + codes}},
                   boot_deadline());
    }
    std::string plan() const { return dir_ / "plan"; }

    std::set<std::string> names_there() {
        std::set<std::string> names;
        for (const json& device : list_devices(*away_daemon_, "away")) {
            names.insert(device["name"]);
        }
        return names;
    }

    Machine machine_;
    VmOptions kind_;
    TempDir away_regions_ = TempDir::shared_memory();
    std::optional<QemuVm> away_;
    std::optional<DaemonProcess> away_daemon_;
};

TEST_F(MigrationPlan, TakesThePeersToAnotherHostThroughAPipe) {
    start_source(kind_);
    attach("m", "master");
    attach("p1");
    attach("p2");
    write_file(region_file("m"), 64, "carried");
    start_away(uuid);
    const RunResult result = migrate_through_a_pipe();
    EXPECT_THAT(result.out, HasSubstr("exit codes 0 0 0\n")) << result.err;
    EXPECT_THAT(result.out, HasSubstr("attached p1 to away"));
    EXPECT_EQ(names_there(), (std::set<std::string>{"m", "p1", "p2"}));
    EXPECT_EQ(files_in(away_regions_.path()), (std::set<std::string>{"m", "p1", "p2"}));
    EXPECT_EQ(read_file(away_regions_ / "m", 64, 7), "carried");
    EXPECT_EQ(member(find_vm(*away_daemon_, "away"), "runState"), "running");
    EXPECT_EQ(member(find_vm(*daemon_, "src"), "runState"), "postmigrate");
}

// The QEMU there was started without any device, and its masters are plugged in while it waits.
TEST_F(MigrationPlan, TakesTheMastersIntoAVmThatWaits) {
    start_source(kind_);
    attach("m", "master");
    write_file(region_file("m"), 64, "carried");
    launch_away(uuid, {});
    replug_masters();
    EXPECT_EQ(names_there(), (std::set<std::string>{"m"}));
    EXPECT_EQ(member(find_vm(*away_daemon_, "away"), "runState"), "inmigrate");
    EXPECT_EQ(away_->spy().call(
                  "qom-get", {{"path", "/machine/peripheral/ivshmemd.m"}, {"property", "memdev"}}),
              "/objects/ivshmemd.m.mem");
    source_->pause();
    EXPECT_EQ(member(migrate(0, {}), "status"), "completed");
    EXPECT_EQ(read_file(away_regions_ / "m", 64, 7), "carried");
    EXPECT_EQ(read_file(region_file("m"), 0, 1 << 20), read_file(away_regions_ / "m", 0, 1 << 20));
}

TEST_F(MigrationPlan, OfAFailedMigrationIsNone) {
    start_source(kind_);
    attach("m", "master");
    attach("p1");
    start_away(uuid);
    away_->kill();
    QemuVm bystander(dir_.path(), [this] {
        VmOptions options = kind_;
        options.name = "away";
        return options;
    }());
    ASSERT_TRUE(away_daemon_->wait_vm_state("away", "connected", soon()));
    const RunResult result = migrate_through_a_pipe();
    EXPECT_THAT(result.out, HasSubstr("exit codes 8 0 2\n")) << result.err;
    EXPECT_THAT(result.err, HasSubstr("stays where it is"));
    EXPECT_THAT(result.err, HasSubstr("standard input is no plan"));
    EXPECT_EQ(names_there(), std::set<std::string>{});
    expect_at_source({"m", "p1"});
}

// QEMU lets a VM arrive in one of another UUID, so the plan does, too: it is whoever calls who
// names the VM.
TEST_F(MigrationPlan, GoesIntoTheVmThatIsNamedWhateverItsUuid) {
    start_source(kind_);
    attach("m", "master");
    attach("p1");
    start_away("8a1c5d02-6b0e-4c3a-9d55-0f4de1b7c9aa");
    const RunResult result = migrate_through_a_pipe();
    EXPECT_THAT(result.out, HasSubstr("exit codes 0 0 0\n")) << result.err;
    EXPECT_EQ(parse_json(read_file(plan(), 0, std::filesystem::file_size(plan())))["uuid"], uuid);
    EXPECT_EQ(names_there(), (std::set<std::string>{"m", "p1"}));
    EXPECT_EQ(run_ctl(*away_daemon_, {"replug", "nobody", "--plan", plan()}).exit_code, 3);
}

}  // namespace
}  // namespace ivshmemd::test
