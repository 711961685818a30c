#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class RegionList : public HotplugTest {
  protected:
    json regions() {
        const json reply(call_api(*daemon_, "ListRegions", json::object()));
        return reply["parameters"]["regions"];
    }
};

TEST_F(RegionList, FollowsARegionThroughTwoMachines) {
    QemuVm first(dir_.path(), {.name = "first"});
    QemuVm second(dir_.path(), {.name = "second"});
    start_daemon({&first, &second});
    EXPECT_EQ(regions(), json::array());
    expect_ctl_success(
        *daemon_, {"attach", "first", "a", "--region", "r", "--size", "1M", "--role", "master"});
    expect_ctl_success(*daemon_, {"attach", "second", "b", "--region", "r"});

    ASSERT_EQ(regions().size(), 1u);
    const json region(regions()[0]);
    EXPECT_EQ(region["name"], "r");
    EXPECT_EQ(region["path"], region_file("r").string());
    EXPECT_EQ(region["size"], 1 << 20);
    EXPECT_EQ(region["mode"], "0660");
    EXPECT_EQ(region["createdByUs"], true);
    EXPECT_EQ(region["users"], json::parse(R"([
        {"vm": "first", "device": "a", "role": "master"},
        {"vm": "second", "device": "b", "role": "peer"}])"));

    detach_by_reset(first, "a");
    EXPECT_EQ(regions()[0]["users"].size(), 1u);
    second.kill();
    ASSERT_TRUE(daemon_->wait_vm_state("second", "unreachable", soon()));
    EXPECT_EQ(regions()[0]["users"], json::array());
    daemon_->kill();
    daemon_->start();
    EXPECT_EQ(regions()[0]["createdByUs"], true);
    std::filesystem::remove(region_file("r"));
    EXPECT_EQ(regions(), json::array());
}

}  // namespace
}  // namespace ivshmemd::test
