#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/migration_fixture.h"
#include "tests/support/json_text.h"

// What can-migrate knows besides devices: how QEMU was told to migrate, in which state a VM is, and
// which QEMU it is.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class MigrationVerdictOfQemu : public MigrationFixture {
  protected:
    json verdict(bool allowed) {
        const CtlResult result = run_ctl(*daemon_, {"can-migrate", "src"});
        EXPECT_EQ(result.exit_code, allowed ? 0 : 1) << result.out;
        return member(result.json(), "reasons");
    }

    void ignore_shared(bool on) {
        const json capability{{"capability", "x-ignore-shared"}, {"state", on}};
        source_->spy().call("migrate-set-capabilities",
                            {{"capabilities", json::array({capability})}});
    }
};

TEST_F(MigrationVerdictOfQemu, IsNoWhereAMastersContentWouldStayBehind) {
    start_source({.paused = true});
    attach("m", "master");
    EXPECT_EQ(verdict(true), json::array());
    ignore_shared(true);
    const json reasons = verdict(false);
    ASSERT_EQ(reasons.size(), 1u) << reasons;
    EXPECT_EQ(member(reasons[0], "device"), "m");
    EXPECT_THAT(reasons[0].value("text", ""), HasSubstr("x-ignore-shared"));
    expect_ctl_error(*daemon_, {"migrate", "src", uri(), "--force"}, 1, "MigrationBlocked");
    EXPECT_EQ(member(source_->spy().call("query-migrate"), "status"), nullptr)
        << "none was started";
    ignore_shared(false);
    EXPECT_EQ(verdict(true), json::array());
}

TEST_F(MigrationVerdictOfQemu, WarnsWhereItCanDieUnlessTheVmIsStopped) {
    start_source({});
    EXPECT_EQ(verdict(true), json::array()) << "there is no master";
    attach("m", "master");
    const json reasons = verdict(true);
    if (source_->version() < 9000) {
        EXPECT_EQ(reasons, json::array());
        return;
    }
    ASSERT_EQ(reasons.size(), 1u) << reasons;
    EXPECT_EQ(member(reasons[0], "severity"), "warns");
    EXPECT_THAT(reasons[0].value("text", ""), HasSubstr("can die"));
    const json blocked(
        expect_ctl_error(*daemon_, {"migrate", "src", uri()}, 1, "MigrationBlocked"));
    EXPECT_THAT(blocked.value("message", ""), HasSubstr("(force overrides this)"));
    source_->pause();
    EXPECT_EQ(verdict(true), json::array());
}

TEST_F(MigrationVerdictOfQemu, IsYesForAVmThatHasShutDown) {
    start_source({.extra = {"-no-shutdown", "-no-reboot"}});
    attach("m", "master");
    write_file(region_file("m"), 64, "carried");
    const std::vector<std::string> arguments = qemu_args();
    source_->spy().call("system_reset");  // which is its end, as it was told
    ASSERT_TRUE(eventually(boot_deadline(), [&] {
        return member(find_vm(*daemon_, "src"), "runState") == "shutdown";
    }));
    EXPECT_EQ(verdict(true), json::array());
    start_destination(arguments);
    EXPECT_EQ(member(migrate(0, {}), "status"), "completed");
    EXPECT_EQ(member(destination_->spy().call("query-status"), "status"), "shutdown");
    EXPECT_EQ(member(find_vm(*daemon_, "dst"), "runState"), "shutdown");
}

}  // namespace
}  // namespace ivshmemd::test
