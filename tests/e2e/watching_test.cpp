#include <gmock/gmock.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// Who watches a real daemon: what is there, what happens, and what happened before.

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

class Watching : public HotplugTest {};

TEST_F(Watching, ListsAnewWhenADeviceComes) {
    QemuVm vm(dir_.path(), {.name = "web"});
    start_daemon({&vm});
    Child watch(daemon_->ctl_command({"--json=short", "list", "--watch"}));
    ASSERT_TRUE(watch.wait_out("{\"devices\":[]}\n", soon())) << watch.err();
    expect_ctl_success(*daemon_, {"attach", "web", "shm0", "--size", "1M"});
    EXPECT_TRUE(watch.wait_out("\"name\":\"shm0\"", soon())) << watch.out();
    EXPECT_TRUE(watch.wait_out("\"state\":\"attached\"", soon())) << watch.out();
    watch.signal(SIGINT);
    EXPECT_EQ(watch.wait_exit(soon()), 0) << watch.err();
}

TEST_F(Watching, TellsWhatHappenedBeforeAndThenWhatHappens) {
    QemuVm vm(dir_.path(), {.name = "web"});
    start_daemon({&vm});
    expect_ctl_success(*daemon_, {"attach", "web", "first", "--size", "1M"});
    Child events(daemon_->ctl_command({"--json=short", "events", "web", "--since", "1h"}));
    ASSERT_TRUE(events.wait_out("\"ready\":true", soon())) << events.err();
    EXPECT_TRUE(events.wait_out("\"device\":\"first\",\"kind\":\"attached\"", soon()))
        << events.out();
    expect_ctl_success(*daemon_, {"attach", "web", "second", "--size", "1M"});
    EXPECT_TRUE(events.wait_out("\"device\":\"second\",\"kind\":\"attached\"", soon()))
        << events.out();
    EXPECT_THAT(events.out(), HasSubstr("forgottenBefore")) << "it was started a moment ago";
    events.signal(SIGINT);
    EXPECT_EQ(events.wait_exit(soon()), 0) << events.err();
}

}  // namespace
}  // namespace ivshmemd::test
