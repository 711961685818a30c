#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/machine_state.h"
#include "tests/e2e/migration_fixture.h"
#include "tests/support/json_text.h"

// A master with a doorbell: its destination does not talk to the server there itself.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class MigrationDoorbell : public MigrationFixture {
  protected:
    std::vector<std::string> server_of(const std::string& region) const {
        return {"--vectors", "2", "--size", "1M", "--region", regions_ / region};
    }
};

TEST_F(MigrationDoorbell, OfAMasterIsPluggedInWhileTheDestinationWaits) {
    const DoorbellServer here(server_of("here"));
    const DoorbellServer there(server_of("there"));
    start_source({});
    expect_ctl_success(*daemon_,
                       {"attach", "src", "bell", "--server", here.socket(), "--role", "master"});
    write_file(regions_ / "here", 64, "carried");
    const json printed(expect_ctl_success(*daemon_, {"qemu-args", "src"}));
    EXPECT_EQ(member(printed, "arguments"), json::array());
    ASSERT_EQ(member(printed, "leftOut").size(), 1u) << printed;
    EXPECT_THAT(daemon_->ctl_text({"qemu-args", "src"}).err,
                HasSubstr("ivshmemctl attach src bell --model "));

    source_->pause();
    start_destination({});
    json bell = printed["leftOut"][0];
    bell["server"] = there.socket().string();  // as on another host, where it is the first
    const json devices = json::array({bell});
    const json reply(call_api(*daemon_, "Replug", {{"vm", "dst"}, {"devices", devices}}));
    ASSERT_EQ(error_of(reply), "") << reply;
    EXPECT_EQ(member(migrate(0, {}), "status"), "completed");
    EXPECT_EQ(member(destination_->spy().call("query-status"), "status"), "paused");
    EXPECT_EQ(read_file(regions_ / "there", 64, 7), "carried");
    EXPECT_EQ(member(find_device(*daemon_, "dst", "bell"), "relayLost"), false);
}

}  // namespace
}  // namespace ivshmemd::test
