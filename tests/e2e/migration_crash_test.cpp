#include <gmock/gmock.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/migration_fixture.h"
#include "tests/support/json_text.h"

// The daemon is killed before and after every step that changes something in QEMU, on the way to a
// destination and back. One guest goes through all of it: whatever was under way, it has its
// devices again, where they were, and QEMU holds nothing else.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using Moment = QmpPoint::Moment;

const std::set<std::string> all{"m", "p", "bell"};

class MigrationCrash : public MigrationFixture {
  protected:
    void start_guest() {
        start_relayed_source({.guest = true});
        source_->wait_guest_ready();
        attach("m", "master");
        attach("p");
        attach_bell("bell", server_);
        before_ = held();
    }

    /// All that QEMU holds, by name and place.
    json held() {
        json found = json::object();
        for (const char* path : {"/objects", "/machine/peripheral", "/chardevs"}) {
            found[path] = qom_names(*source_, path);
        }
        for (const json& device : list_devices(*daemon_, "src")) {
            found[device["name"]] = {device["bus"], device["slot"], device["model"]};
        }
        for (const json& each : source_->spy().call("query-migrate-capabilities")) {
            if (each["capability"] == "return-path") found["return-path"] = each["state"];
        }
        return found;
    }

    /// Starts a migration whose daemon dies at this point, and another daemon after that.
    void crash_at(QmpPoint point) {
        relay_->stop_at(std::move(point),
                        [pid = daemon_->process().pid()] { ::kill(pid, SIGKILL); });
        Child migrate(start_migrate());
        ASSERT_TRUE(relay_->wait_stopped(boot_deadline())) << "it never came to that";
        daemon_->kill();
        EXPECT_EQ(migrate.wait_exit(soon()), 5) << migrate.err();
        daemon_->start();
        wait_connected("src");
    }

    void expect_unharmed() {
        EXPECT_TRUE(eventually(boot_deadline(), [this] { return nothing_left_to_do(); }))
            << phase();
        expect_at_source(all);
        EXPECT_EQ(held(), before_);
    }

    /// Through all of them, before the step and after it.
    void crash_around(const std::vector<std::pair<std::string, std::string>>& steps) {
        for (const auto& [command, contains] : steps) {
            for (const Moment moment : {Moment::asked, Moment::answered}) {
                const QmpPoint point{moment, command, contains};
                SCOPED_TRACE(testing::PrintToString(point));
                crash_at(point);
                expect_unharmed();
                if (HasFailure()) return;
            }
        }
    }

    DoorbellServer server_{{"--vectors", "2", "--size", "1M"}};
    json before_;
};

TEST_F(MigrationCrash, WhileThePeersLeaveBringsThemBack) {
    start_guest();
    start_right_destination();
    crash_around({{"device_del", "ivshmemd.p"},
                  {"object-del", "ivshmemd.p.mem"},
                  {"device_del", "ivshmemd.bell"},
                  {"getfd", "ivshmemd.parked"},
                  {"chardev-remove", "ivshmemd.bell.chr"}});
    EXPECT_TRUE(destination_->alive());
}

TEST_F(MigrationCrash, AsItStartsLeavesTheVmWhereItIsOrFollowsIt) {
    start_guest();
    crash_around({{"migrate-set-capabilities", "\"return-path\",\"state\":true"},
                  {"migrate", "in.sock"},
                  {"migrate-set-capabilities", "\"return-path\",\"state\":false"}});
    start_right_destination();
    {
        SCOPED_TRACE("QEMU has not heard of it");
        crash_at({Moment::asked, "migrate", "in.sock"});
        expect_unharmed();
    }
    crash_at({Moment::answered, "migrate", "in.sock"});
    EXPECT_TRUE(wait_phase("completed")) << phase();
    expect_at_destination({"m"});
    EXPECT_EQ(expect_ctl_success(*daemon_, {"replug", "dst"})["devices"].size(), 2u);
    expect_at_destination(all);
    EXPECT_TRUE(nothing_left_to_do());
}

TEST_F(MigrationCrash, WhileThePeersComeBackFinishesThat) {
    start_guest();
    crash_around({{"object-add", "ivshmemd.p.mem"},
                  {"device_add", "ivshmemd.p"},
                  {"getfd", "doorbell.sock"},
                  {"chardev-add", "ivshmemd.bell.chr"},
                  {"device_add", "ivshmemd.bell"}});
}

}  // namespace
}  // namespace ivshmemd::test
