#include "daemon/vm/refresh.h"

#include "tests/daemon/daemon_fixture.h"

namespace ivshmemd::test {
namespace {

class Refresh : public DaemonFixture {
  protected:
    std::set<std::string> names() {
        std::set<std::string> result;
        for (const Device& device : vm()->devices()) result.insert(device.spec.name);
        return result;
    }
};

// The first reading is over the list of devices already when another client adds one.
TEST_F(Refresh, ShowsWhatWasThereWhenItWasAskedFor) {
    pc_.put_backend("memory", {"/dev/shm/x", mebibyte, true});
    pc_.put_device("early", {.slot = 5, .backend = "memory"});
    start();
    const std::size_t asked = pc_.count("qom-get");
    pc_.hold("qom-get");
    const auto first = loop_.start(refresh_for_read(vm()));
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("qom-get") > asked; }));
    pc_.put_backend("more", {"/dev/shm/y", mebibyte, true});
    pc_.put_device("late", {.slot = 6, .backend = "more"});
    const auto second = loop_.start(refresh_for_read(vm()));
    loop_.run_ready();
    pc_.release();
    ASSERT_TRUE(loop_.run_until([&] { return second->done; }));
    EXPECT_TRUE(first->done);
    EXPECT_EQ(names(), (std::set<std::string>{"early", "late"}));
}

// On a busy host a QEMU takes longer than a silent one is waited for, and yet it answers.
TEST_F(Refresh, IsWaitedForAsLongAsQemuGoesOnAnswering) {
    pc_.put_backend("memory", {"/dev/shm/x", mebibyte, true});
    pc_.put_device("early", {.slot = 5, .backend = "memory"});
    start();
    pass(Milliseconds(0));  // the time is ours
    pc_.put_backend("more", {"/dev/shm/y", mebibyte, true});
    pc_.put_device("late", {.slot = 6, .backend = "more"});
    pc_.qemu().direct([](const json& request) {
        FakeQemu::Staging staging;
        staging.held_before = request.value("execute", "") == "qom-get";
        return staging;
    });
    const auto begin = SteadyClock::now();
    const Milliseconds pause = host_.deadlines.refresh / 4;
    const auto reading = loop_.start(refresh_for_read(vm()));
    for (int i = 0; i < 23 && !reading->done; ++i) {
        pass(pause);
        if (pc_.qemu().is_held()) pc_.qemu().release_held();
    }
    pc_.qemu().direct({});
    pass(Milliseconds(0));
    ASSERT_TRUE(reading->done);
    EXPECT_GT(SteadyClock::now() - begin, host_.deadlines.refresh);
    EXPECT_EQ(names(), (std::set<std::string>{"early", "late"}));
}

// But one that answers a little, now and then, does not hold up a list for ever.
TEST_F(Refresh, IsNotWaitedForWithoutEnd) {
    pc_.put_backend("memory", {"/dev/shm/x", mebibyte, true});
    pc_.put_device("early", {.slot = 5, .backend = "memory"});
    start();
    pass(Milliseconds(0));
    pc_.qemu().direct([](const json&) {
        FakeQemu::Staging staging;
        staging.held_before = true;
        return staging;
    });
    const auto begin = SteadyClock::now();
    const Milliseconds pause = host_.deadlines.refresh * 9 / 10;
    const auto reading = loop_.start(refresh_for_read(vm()));
    for (int i = 0; i < 10 && !reading->done; ++i) {
        pass(pause);
        if (pc_.qemu().is_held()) pc_.qemu().release_held();
    }
    EXPECT_TRUE(reading->done);
    EXPECT_LE(SteadyClock::now() - begin, 7 * host_.deadlines.refresh);
    pc_.qemu().direct({});
}

}  // namespace
}  // namespace ivshmemd::test
