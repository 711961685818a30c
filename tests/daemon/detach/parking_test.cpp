#include "daemon/detach/parking.h"

#include <atomic>
#include <future>

#include "tests/daemon/detach/parking_fixture.h"

// Which numbers are parked, and when.

namespace ivshmemd::test {
namespace {

TEST_F(Parking, TakesAsManyNumbersAsWerePassed) {
    const ScriptedServer server(path(), server_with(3));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    EXPECT_EQ(pc_.descriptors().passed(), 1u + 3 * 2 + 2) << "memory, peers, own vectors";
    ASSERT_EQ(*detach_now(leave("bell")), Detached::removed);
    EXPECT_EQ(parked(), pc_.descriptors().passed());
    EXPECT_TRUE(pc_.descriptors().exposed().empty());
}

TEST_F(Parking, HasNoFixedBound) {
    const ScriptedServer server(path(), server_with(200));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    EXPECT_EQ(pc_.descriptors().passed(), 1u + 200 * 2 + 2);
    ASSERT_EQ(*detach_now(leave("bell")), Detached::removed);
    // More when QEMU is slow: one that it did not answer in time is followed by another.
    EXPECT_GE(parked(), pc_.descriptors().passed());
    EXPECT_TRUE(pc_.descriptors().exposed().empty());
}

TEST_F(Parking, TakesNumbersBelowToo) {
    const ScriptedServer server(path(), server_with(0));
    start();
    ASSERT_TRUE(attach_now(request("below")));
    ASSERT_TRUE(attach_now(request("further")));
    ASSERT_TRUE(attach_now(doorbell()));
    ASSERT_EQ(*detach_now(leave("below")), Detached::removed);
    ASSERT_EQ(*detach_now(leave("further")), Detached::removed);
    ASSERT_EQ(*detach_now(leave("bell")), Detached::removed);
    EXPECT_TRUE(pc_.descriptors().exposed().empty());
    EXPECT_TRUE(attach_now(request("next")));
}

// Then QEMU closes its end of the relay, whose number is below those of the vectors.
TEST_F(Parking, TakesTheNumbersOfADeviceWhoseServerEndedAtOnce) {
    const ScriptedServer server(path(), [this](int client) {
        send_handshake(client, 0, memory_.get());
        send_vectors(client, 0, 2);
    });
    start();
    for (int round = 0; round < 10; ++round) {
        const Result<Attached> attached = attach_now(doorbell());
        if (!attached) continue;  // it was too quick
        ASSERT_EQ(*detach_now(leave("bell")), Detached::removed);
        EXPECT_TRUE(pc_.descriptors().exposed().empty());
    }
    EXPECT_EQ(pc_.descriptors().failure(), "");
}

TEST_F(Parking, ComesBeforeWhateverElseGivesQemuADescriptor) {
    host_.deadlines.parked = Milliseconds(10000);
    const ScriptedServer server(path(), server_with(2));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    pc_.set_guest(FakePc::Guest::keeps);
    const auto leaving = start_detach(leave("bell"));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") == 1; }));
    const auto plain = start_attach(request("plain"));
    const auto second = start_attach(doorbell("second"));
    pc_.eject("ivshmemd.bell");
    EXPECT_EQ(*finish(leaving), Detached::removed);
    EXPECT_TRUE(finish(plain));
    EXPECT_TRUE(finish(second));
    const std::vector<std::string> names = since_device_del();
    const auto last_park = std::find(names.rbegin(), names.rend(), "park");
    ASSERT_NE(last_park, names.rend());
    EXPECT_EQ(std::count_if(last_park, names.rend(), takes_descriptor), 0);
    EXPECT_TRUE(pc_.descriptors().exposed().empty());
}

TEST_F(Parking, IsPossibleForADeviceWhoseAttachTheDaemonDidNotSurvive) {
    const ScriptedServer server(path(), server_with(1));
    start();
    std::size_t known = 0;
    pc_.on("device_add", [&](const json& arguments) {
        known = host_.store->get().doorbells.size();
        return pc_.real("device_add", arguments);
    });
    ASSERT_TRUE(attach_now(doorbell()));
    EXPECT_EQ(known, 1u) << "a bound is on disk before QEMU has any of the numbers";
}

// A guest may let a doorbell go at any time, and QEMU accepts whoever connects to its monitors.
TEST_F(Parking, LeavesLowerNumbersToWhoComesBeforeIt) {
    const ScriptedServer server(path(), server_with(2));
    start();
    for (std::size_t round = 0; round < 3; ++round) {
        ASSERT_TRUE(attach_now(doorbell()));
        const std::size_t before = pc_.descriptors().in_use();
        pc_.take_out("ivshmemd.bell");
        for (int client = 0; client < 16; ++client) pc_.descriptors().take("a client");
        EXPECT_EQ(pc_.descriptors().failure(), "") << round;
        pc_.descriptors().free("a client");
        pc_.tell_deleted("ivshmemd.bell");
        ASSERT_TRUE(loop_.run_until(
            [&] { return count_events(EventKind::vanished, "bell") == round + 1; }));
        EXPECT_TRUE(pc_.descriptors().exposed().empty());
        EXPECT_LE(pc_.descriptors().in_use(), before) << "those below were not parked";
        EXPECT_LT(pc_.descriptors().lowest_free() + 16, pc_.descriptors().lowest_watched());
    }
}

TEST_F(Parking, LetsGoOfWhatAnEarlierDaemonHeld) {
    const ScriptedServer server(path(), server_with(0));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    const std::size_t before = pc_.descriptors().in_use();
    pc_.descriptors().take("set 1769370472");
    EXPECT_EQ(pc_.descriptors().in_use(), before + 1);
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([&] { return pc_.descriptors().in_use() == before; }));
}

// Before 9.1 a paused QEMU keeps what it was handed to see its numbers, and lets go of it later.
TEST_F(Parking, FindsTheNumbersOfADeviceThatCameToAPausedMachine) {
    const ScriptedServer server(path(), server_with(2));
    pc_.set_run_state("paused");
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    pc_.set_run_state("running", "RESUME");
    ASSERT_TRUE(loop_.run_until([this] { return vm("a")->run_state() == "running"; }));
    ASSERT_EQ(*detach_now(leave("bell")), Detached::removed);
    pc_.descriptors().free("released of set 1769370472");
    pc_.descriptors().free("released of set 1769370473");
    EXPECT_TRUE(pc_.descriptors().exposed().empty());
    for (int i = 0; i < 100; ++i) pc_.descriptors().take("something");
    EXPECT_EQ(pc_.descriptors().failure(), "");
}

TEST_F(Parking, ComesBeforeWhatTheRelayOfAnotherDoorbellPassesOn) {
    std::promise<void> another_peer;
    std::shared_future<void> comes = another_peer.get_future().share();
    std::atomic<int> clients = 0;
    const ScriptedServer server(path(), [&](int client) {
        const int id = clients++;
        send_handshake(client, id, memory_.get());
        send_vectors(client, id, 2);
        if (id == 1) {
            comes.wait();
            send_vectors(client, 7, 2);
        }
        wait_closed(client);
    });
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    ASSERT_TRUE(attach_now(doorbell("second")));
    const std::size_t passed = pc_.descriptors().passed();
    // As when whatever opened them before has taken all that were free below.
    while (pc_.descriptors().lowest_free() < 60) pc_.descriptors().take("something");
    pc_.hold("getfd");
    pc_.eject("ivshmemd.bell");
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("getfd") > 2; }));
    another_peer.set_value();
    ASSERT_TRUE(loop_.run_until([&] { return host_.relays.passed("a", "second") == 4u; }));
    pc_.release();
    ASSERT_TRUE(loop_.run_until([&] { return pc_.descriptors().passed() == passed + 2; }));
    EXPECT_EQ(pc_.descriptors().failure(), "");
}

// Each is to be occupied by its own parking, not by what the other one holds for a moment.
TEST_F(Parking, IsCompleteForTwoThatLeaveTogether) {
    const ScriptedServer server(path(), server_with(2));
    start();
    for (int round = 0; round < 5; ++round) {
        ASSERT_TRUE(attach_now(doorbell()));
        ASSERT_TRUE(attach_now(doorbell("second")));
        pc_.set_guest(FakePc::Guest::keeps);
        ASSERT_EQ(*detach_now(leave("bell", Milliseconds(0))), Detached::pending);
        ASSERT_EQ(*detach_now(leave("second", Milliseconds(0))), Detached::pending);
        pc_.take_out("ivshmemd.bell");
        pc_.take_out("ivshmemd.second");
        pc_.tell_deleted("ivshmemd.second");
        pc_.tell_deleted("ivshmemd.bell");
        ASSERT_TRUE(loop_.run_until([&] { return vm("a")->inventory().devices.empty(); }));
        EXPECT_TRUE(pc_.descriptors().exposed().empty()) << round;
        pc_.set_guest(FakePc::Guest::lets_go);
    }
    EXPECT_EQ(pc_.descriptors().failure(), "");
}

TEST_F(Parking, IsNotNeededWithKvm) {
    pc_.on("query-kvm", [](const json&) {
        return FakeQemu::ok({{"enabled", true}, {"present", true}});
    });
    const ScriptedServer server(path(), server_with(0));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    pc_.set_guest(FakePc::Guest::keeps);
    ASSERT_EQ(*detach_now(leave("bell", Milliseconds(0))), Detached::pending);
    EXPECT_TRUE(attach_now(request("plain"))) << "nothing is in its way";
    pc_.eject("ivshmemd.bell");
    ASSERT_TRUE(wait_event(EventKind::detached, "bell"));
    EXPECT_EQ(parked(), 0u);
}

TEST_F(Parking, ForgetsTheNumbersOnceTheyAreParked) {
    const ScriptedServer server(path(), server_with(0));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    ASSERT_EQ(*detach_now(leave("bell")), Detached::removed);
    EXPECT_TRUE(host_.store->get().doorbells.empty());
}

TEST_F(Parking, IsDoneForADaemonThatEndedBeforeItCould) {
    pc_.put_chardev("ivshmemd.x.chr");
    start();
    ASSERT_TRUE(loop_.run_until([this] { return !pc_.has_chardev("ivshmemd.x.chr"); }));
    EXPECT_GE(parked(), 64u);
}

}  // namespace
}  // namespace ivshmemd::test
