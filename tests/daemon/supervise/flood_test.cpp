#include <atomic>
#include <thread>

#include "daemon/fleet/diagnosis_facts.h"
#include "daemon/vm/refresh.h"
#include "tests/daemon/daemon_fixture.h"

namespace ivshmemd::test {
namespace {

using Json = nlohmann::json;

class Flood : public DaemonFixture {
  protected:
    /// The daemon reads meanwhile.
    void send(const std::string& event, const Json& data, int times) {
        std::atomic<int> sent = 0;
        std::jthread sender([&] {
            while (sent < times && pc_.qemu().send_event(event, data)) ++sent;
        });
        ASSERT_TRUE(loop_.run_until([&] { return sent == times; }));
    }
    /// The daemon has heard all that was sent before.
    void hear() {
        const bool heard = loop_.run(refresh(vm(), Milliseconds(20000)));
        ASSERT_TRUE(heard);
    }
};

// However many come, one of each kind is worked on, and one more follows for all of them.
TEST_F(Flood, OfEventsIsWorkedOffInOneGo) {
    start();
    const std::size_t asked_before = pc_.count("query-status");
    pc_.hold("query-status");
    send("RESUME", nullptr, 2000);
    send("DEVICE_DELETED", {{"path", "/machine/peripheral/ivshmemd.gone"}}, 2000);
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("query-status") == asked_before + 1; }));
    EXPECT_EQ(vm()->chores().size(), 1u) << "the rest was done, for nothing is left of it";
    pc_.release();
    hear();
    EXPECT_TRUE(loop_.run_until([this] { return vm()->chores().size() == 0; }));
    EXPECT_LE(pc_.count("query-status"), asked_before + 50) << "of 2000 events";
}

TEST_F(Flood, OfDeletionsOfADeviceThatIsThereChangesNothing) {
    start();
    pc_.put_backend("other0", {"/dev/shm/x", mebibyte, true});
    pc_.put_device("theirs", {.slot = 5, .backend = "other0"});
    ASSERT_TRUE(loop_.run(refresh(vm(), Milliseconds(20000))));
    send("DEVICE_DELETED", {{"path", "/machine/peripheral/theirs"}}, 1000);
    hear();
    EXPECT_TRUE(loop_.run_until([this] { return vm()->chores().size() == 0; }));
    ASSERT_EQ(vm()->devices().size(), 1u);
    EXPECT_EQ(count_events(EventKind::vanished), 0u);
}

TEST_F(Flood, OfObjectsIsRefusedInWords) {
    start();
    pc_.on("qom-list", [this](const Json& arguments) {
        if (arguments.value("path", "") != "/machine/peripheral") {
            return pc_.real("qom-list", arguments);
        }
        Json list = Json::array();
        for (int i = 0; i < 20000; ++i) {
            list.push_back({{"name", "d" + std::to_string(i)}, {"type", "child<ivshmem-plain>"}});
        }
        return FakeQemu::ok(list);
    });
    EXPECT_FALSE(loop_.run(refresh(vm(), Milliseconds(20000))));
    ASSERT_TRUE(loop_.run_until([this] { return vm()->last_error().has_value(); }));
    EXPECT_NE(vm()->last_error()->find("more than 65536 questions"), std::string::npos)
        << *vm()->last_error();
}

class Silent : public DaemonFixture {
  protected:
    /// Both VMs are connected, have a master each, and answer no more.
    void fall_silent() {
        for (FakePc* each : {&pc_, &other_}) {
            each->put_backend("other0", {"/dev/shm/x", mebibyte, true});
            each->put_device("theirs", {.slot = 5, .backend = "other0", .master = "on"});
        }
        start();
        other_.listen(socket("b"));
        ASSERT_TRUE(wait_state(VmState::connected, "b"));
        pass(Milliseconds(0));  // the time is ours
        pc_.mute(true);
        other_.mute(true);
    }
    void TearDown() override {
        pc_.mute(false);
        other_.mute(false);
        DaemonFixture::TearDown();
    }
};

// Each is waited for at the same time, and one that was waited for is not waited for again.
TEST_F(Silent, VmsHoldUpAReadOnceAndTogether) {
    fall_silent();
    const std::vector<std::shared_ptr<Vm>> vms{vm("a"), vm("b"), vm("a"), vm("b")};
    const auto begin = SteadyClock::now();
    loop_.run(refresh_all_for_read(vms));
    const auto first = SteadyClock::now();
    EXPECT_GE(first - begin, host_.deadlines.refresh);
    EXPECT_LT(first - begin, 2 * host_.deadlines.refresh) << "one after the other";
    for (int i = 0; i < 20; ++i) loop_.run(refresh_all_for_read(vms));
    EXPECT_LT(SteadyClock::now() - first, host_.deadlines.refresh) << "again and again";
}

TEST_F(Silent, VmsHoldUpADiagnosisTogether) {
    fall_silent();
    const std::vector<std::shared_ptr<Vm>> vms{vm("a"), vm("b")};
    const auto begin = SteadyClock::now();
    EXPECT_TRUE(loop_.run(ask_migration_settings(vms)).empty());
    EXPECT_LT(SteadyClock::now() - begin, 2 * host_.deadlines.refresh) << "one after the other";
}

}  // namespace
}  // namespace ivshmemd::test
