#include <csignal>

#include "tests/e2e/many_vms.h"
#include "tests/support/json_text.h"

// One device for several real machines: in all of them or in none.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

TEST_F(ManyVms, ShareADeviceThatComesAndGoesTogether) {
    const json attached(
        expect_ctl_success(*daemon_, {"attach", "one,two", "shm0", "--size", "1M"}));
    ASSERT_EQ(attached["results"].size(), 2u);
    EXPECT_EQ(find_device(*daemon_, "one", "shm0")["state"], "attached");
    EXPECT_EQ(find_device(*daemon_, "two", "shm0")["region"], "shm0");
    const json again(expect_ctl_success(*daemon_, {"attach", "one,two", "shm0"}));
    EXPECT_EQ(again["results"][1]["changed"], false);

    Child detach(start({"detach", "one,two", "shm0", "--remove-region"}));
    EXPECT_EQ(reset_until_exit({&*one_, &*two_}, detach), 0) << detach.err();
    const json answer(parse_json(detach.out()));
    check_reply("DetachMany", {{"parameters", answer}});
    EXPECT_EQ(answer["results"][1], json({{"vm", "two"}, {"result", "removed"}}));
    expect_untouched();
}

TEST_F(ManyVms, AreToldOfEveryFaultBeforeAnythingBegins) {
    const json failed(expect_ctl_error(
        *daemon_, {"attach", "one,full,nobody", "shm0", "--size", "1M"}, 1, "TransactionFailed"));
    EXPECT_EQ(failed["undone"], true);
    EXPECT_EQ(failed["leftovers"], json::array());
    ASSERT_EQ(failed["faults"].size(), 2u) << failed;
    expect_untouched();
}

TEST_F(ManyVms, GetBackWhatTheirGuestsLetGoTooLate) {
    expect_ctl_success(*daemon_, {"attach", "one,two", "shm0", "--size", "1M"});
    const json failed(expect_ctl_error(*daemon_, {"detach", "one,two", "shm0", "--timeout", "1"}, 7,
                                       "TransactionFailed"));
    EXPECT_EQ(failed["returning"], json({"one/shm0", "two/shm0"})) << failed;
    const json listed(expect_ctl_success(*daemon_, {"list"}));
    ASSERT_EQ(listed["holds"].size(), 2u) << listed;
    EXPECT_EQ(listed["holds"][0]["phase"], "returning") << listed;
    expect_ctl_success(*daemon_, {"replug", "two", "--forget"});
    EXPECT_TRUE(eventually(boot_deadline(), [&] {
        reset_machine(*one_);
        reset_machine(*two_);
        return !json(expect_ctl_success(*daemon_, {"list"})).contains("holds") &&
               list_devices(*daemon_, "two").empty();
    }));
    EXPECT_TRUE(wait_device_state("one", "shm0", "attached"));
    Child detach(start({"detach", "one", "shm0", "--remove-region"}));
    EXPECT_EQ(reset_until_exit({&*one_}, detach), 0) << detach.err();
    expect_untouched();
}

TEST_F(ManyVms, GetNothingWhenOneDiesInBetween) {
    two_->signal(SIGSTOP);  // it has no answer for the daemon
    Child attach(start({"attach", "one,two", "shm0", "--size", "1M"}));
    ASSERT_TRUE(eventually(soon(), [&] {
        return member(find_device(*daemon_, "one", "shm0"), "state") == "attached";
    }));
    two_->kill();
    EXPECT_EQ(reset_until_exit({&*one_}, attach), 5) << attach.out();
    const json answer(parse_json(attach.out()));
    check_reply("AttachMany", {{"error", "io.ivshmemd.Hotplug.TransactionFailed"},
                               {"parameters", answer["parameters"]}});
    EXPECT_EQ(answer["parameters"]["vm"], "two") << answer;
    EXPECT_EQ(answer["parameters"]["undone"], true) << answer;
    expect_untouched();
}

}  // namespace
}  // namespace ivshmemd::test
