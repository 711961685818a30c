#include "daemon/detach/parking.h"

#include <atomic>
#include <future>

#include "daemon/migration/migrate.h"
#include "daemon/state/doorbells.h"
#include "tests/daemon/fake_pc_words.h"
#include "tests/daemon/vm/operation_fixture.h"
#include "tests/support/json_text.h"
#include "tests/support/scripted_server.h"

// Without KVM, QEMU goes on watching the numbers of descriptors that it has closed. The fake
// machine notes whatever gets one of those numbers and may become readable.
namespace ivshmemd::test {
namespace {

class Parking : public OperationFixture {
  protected:
    Parking() { host_.deadlines.parked = Milliseconds(50); }

    std::string path() const { return directory_ / "server"; }

    /// A server that announces so many peers, of two vectors each, before our own.
    ScriptedServer::Script server_with(int peers) {
        return [this, peers](int client) {
            const int id = peers;
            send_handshake(client, id, memory_.get());
            for (int peer = 0; peer < peers; ++peer) send_vectors(client, peer, 2);
            send_vectors(client, id, 2);
            wait_closed(client);
        };
    }
    DeviceRequest doorbell(const std::string& name = "bell") const {
        DeviceRequest request;
        request.name = name;
        request.server = path();
        request.vectors = 2;
        return request;
    }

    std::size_t parked() const {
        std::size_t count = 0;
        for (const json& request : pc_.qemu_received()) {
            const std::string name = text_of(member(request, "arguments"), "fdname");
            count += name.starts_with("ivshmemd.parked.") ? 1 : 0;
        }
        return count;
    }
    /// Names of the commands since the first device_del, with those that park as "park".
    std::vector<std::string> since_device_del() const {
        std::vector<std::string> names;
        for (const json& request : pc_.qemu_received()) {
            std::string name = text_of(request, "execute");
            const std::string fd = text_of(member(request, "arguments"), "fdname");
            if (fd.starts_with("ivshmemd.parked.")) name = "park";
            if (name == "device_del" || !names.empty()) names.push_back(name);
        }
        return names;
    }
    /// What gives QEMU a descriptor or has it open a file.
    static bool takes_descriptor(const std::string& command) {
        return command == "getfd" || command == "object-add" || command == "chardev-add";
    }

    FileDescriptor memory_ = shared_memory(mebibyte);
};

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
    EXPECT_EQ(parked(), pc_.descriptors().passed());
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

TEST_F(Parking, RefusesAnAttachWhileTheGuestKeepsADoorbell) {
    const ScriptedServer server(path(), server_with(0));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    pc_.set_guest(FakePc::Guest::keeps);
    ASSERT_EQ(*detach_now(leave("bell", Milliseconds(0))), Detached::pending);
    const Result<Attached> attached = attach_now(request("plain"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::operation_in_progress);
    EXPECT_NE(attached.error().message.find("bell"), std::string::npos);
    EXPECT_EQ(pc_.count("object-add"), 0u);
    pc_.eject("ivshmemd.bell");
    ASSERT_TRUE(wait_event(EventKind::detached, "bell"));
    EXPECT_TRUE(attach_now(request("plain")));
}

// QEMU opens the channel itself.
TEST_F(Parking, KeepsAMigrationFromBeginningWhileTheGuestKeepsADoorbell) {
    const ScriptedServer server(path(), server_with(0));
    start();
    DeviceRequest master = doorbell();
    master.role = Role::master;
    ASSERT_TRUE(attach_now(master));
    pc_.set_guest(FakePc::Guest::keeps);
    ASSERT_EQ(*detach_now(leave("bell", Milliseconds(0))), Detached::pending);
    MigrateRequest request;
    request.uri = "unix:/nowhere";
    const Result<Migrated> migrated = loop_.run(migrate(vm("a"), request, {}));
    ASSERT_FALSE(migrated);
    EXPECT_EQ(migrated.error().kind, ErrorKind::operation_in_progress);
    EXPECT_EQ(pc_.count("migrate"), 0u);
}

// A QEMU that is silent just then has the numbers free all the while.
TEST_F(Parking, IsDoneAgainUntilQemuHasTakenAll) {
    const ScriptedServer server(path(), server_with(1));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    pc_.set_guest(FakePc::Guest::keeps);
    ASSERT_EQ(*detach_now(leave("bell", Milliseconds(0))), Detached::pending);
    host_.deadlines.query = Milliseconds(60);
    pc_.hold("getfd");
    const std::size_t asked = pc_.count("getfd");
    pc_.eject("ivshmemd.bell");
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("getfd") > asked; }));
    ASSERT_TRUE(wait_state(VmState::unresponsive));
    EXPECT_EQ(host_.store->get().doorbells.size(), 1u) << "their bound is still needed";
    host_.deadlines.query = Milliseconds(2000);
    pc_.release();
    ASSERT_TRUE(wait_event(EventKind::detached, "bell"));
    EXPECT_TRUE(pc_.descriptors().exposed().empty());
    EXPECT_TRUE(host_.store->get().doorbells.empty());
    EXPECT_TRUE(attach_now(request("plain")));
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

TEST_F(Parking, IsCompleteWhenThePausedMachineRunsAgain) {
    const ScriptedServer server(path(), server_with(2));
    start();
    for (int i = 0; i < 20; ++i) pc_.descriptors().take("something");
    ASSERT_TRUE(attach_now(doorbell()));
    pc_.descriptors().free("something");
    const VmKey key = vm("a")->key();
    const std::optional<DescriptorRange> range = doorbell_range(*host_.store, key, "bell");
    ASSERT_TRUE(range);
    // As it is where a floor cannot be told.
    loop_.run(remember_doorbell(*host_.store, key, "bell", {0, range->top}));
    pc_.set_run_state("paused", "STOP");
    ASSERT_TRUE(loop_.run_until([this] { return vm("a")->run_state() == "paused"; }));
    pc_.eject("ivshmemd.bell");
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("remove-fd") > 4; }));
    EXPECT_EQ(count_events(EventKind::vanished), 0u) << "only a QEMU that runs can be asked";
    const Result<Attached> attached = attach_now(request("plain"));
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::operation_in_progress);
    pc_.set_run_state("running", "RESUME");
    ASSERT_TRUE(wait_event(EventKind::vanished, "bell"));
    pc_.descriptors().free("released of set 1769370472");
    pc_.descriptors().free("released of set 1769370473");
    EXPECT_TRUE(pc_.descriptors().exposed().empty());
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

TEST_F(Parking, RefusesADetachWhereNobodyKnowsTheNumbers) {
    const ScriptedServer server(path(), server_with(0));
    start();
    ASSERT_TRUE(attach_now(doorbell()));
    SavedState lost = host_.store->get();
    ASSERT_EQ(lost.doorbells.size(), 1u);
    lost.doorbells.clear();
    loop_.run(host_.store->put(lost));
    const Result<Detached> detached = detach_now(leave("bell"));
    ASSERT_FALSE(detached);
    EXPECT_EQ(detached.error().kind, ErrorKind::config_unsupported);
    EXPECT_EQ(pc_.count("device_del"), 0u);
    EXPECT_EQ(vm()->device("bell")->state, DeviceState::attached);
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

// A chardev that QEMU will not delete tells of its device again and again.
TEST_F(Parking, IsDoneOnceForADeviceWhoseChardevStays) {
    pc_.put_chardev("ivshmemd.x.chr");
    pc_.keep_chardevs_busy(1000000);
    start();
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("chardev-remove") > 0; }));
    const std::size_t once = parked();
    const std::size_t tried = pc_.count("chardev-remove");
    pc_.qemu().disconnect();
    ASSERT_TRUE(loop_.run_until([&] { return pc_.count("chardev-remove") > 2 * tried; }));
    EXPECT_EQ(parked(), once);
}

// Nothing may be added before, and the chardev, which tells of it, stays.
TEST_F(Parking, IsDoneAgainForOneThatLeftWhileNoDaemonWasThere) {
    pc_.put_chardev("ivshmemd.x.chr");
    host_.deadlines.query = Milliseconds(60);
    pc_.hold("getfd");
    start();
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("getfd") > 0; }));
    ASSERT_TRUE(wait_state(VmState::unresponsive));
    EXPECT_EQ(pc_.count("chardev-remove"), 0u);
    pc_.release();
    ASSERT_TRUE(wait_state(VmState::connected));
    EXPECT_TRUE(attach_now(request("plain")));
    EXPECT_GE(parked(), 64u);
    EXPECT_FALSE(pc_.has_chardev("ivshmemd.x.chr"));
}

TEST_F(Parking, IsNoExcuseToRunOutOfDescriptors) {
    const ScriptedServer server(path(), server_with(20));
    start();
    while (pc_.descriptors().in_use() < 960) pc_.descriptors().take("what QEMU has open");
    const Result<Attached> attached = attach_now(doorbell());
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::config_unsupported);
    EXPECT_NE(attached.error().message.find("1024"), std::string::npos) << attached.error().message;
    EXPECT_EQ(pc_.count("chardev-add"), 0u);
    EXPECT_TRUE(host_.relays.devices("a").empty());
}

}  // namespace
}  // namespace ivshmemd::test
