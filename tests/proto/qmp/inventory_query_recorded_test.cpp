#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proto/qmp/inventory_query.h"
#include "tests/proto/qmp/inventory_answers.h"

// Inventories read from what real QEMUs have answered.

namespace ivshmemd::qmp {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

// What these recordings lack: where the buses are, and who does hotplug on them.
void add_buses(const Recording& recording, Answers& answers) {
    if (!recording.q35()) {
        answers.with_machine("i440fx", "i440FX-pcihost")
            .with_bus("/machine/i440fx/pci.0", "PCI")
            .with_member("/machine/i440fx/pci.0", 0, "/machine/unattached/host", 0)
            .with_member("/machine/i440fx/pci.0", 1, "/machine/unattached/isa", 1 << 3)
            .with_member("/machine/i440fx/pci.0", 2, "/machine/peripheral/cold", 2 << 3);
        return;
    }
    answers.with_machine("q35", "q35-pcihost").with_bus("/machine/q35/pcie.0", "PCIE", "");
    for (const std::string port : {"rp0", "rp1", "rp2", "rp3"}) answers.with_port(port);
}

constexpr const char* ours = "/machine/peripheral/ivshmemd.bus0";
constexpr const char* doorbell_path = "/machine/peripheral/ivshmemd.db";

Answers at_start(const Recording& recording) {
    Answers answers(recording, recording.q35() ? "port bus rp3" : "list /chardevs");
    add_buses(recording, answers);
    return answers;
}

Answers with_a_peer(const Recording& recording) {
    Answers answers(recording, "query-pci with device");
    add_buses(recording, answers);
    if (!recording.q35()) answers.with_member("/machine/i440fx/pci.0", 3, ours, 3 << 3);
    return answers.with_child("/machine/peripheral", "ivshmemd.bus0", "ivshmem-plain")
        .with_child("/objects", "ivshmemd.bus0.mem", "memory-backend-file");
}

Answers with_a_doorbell(const Recording& recording) {
    Answers answers(recording, "doorbell ioeventfd");
    add_buses(recording, answers);
    return answers.with_child("/machine/peripheral", "ivshmemd.db", "ivshmem-doorbell");
}

class Recorded : public testing::TestWithParam<std::string> {
  protected:
    const Recording& recording() const { return test::recording(GetParam()); }
};

std::string spelled_as_identifier(const testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(InventoryQuery, Recorded, testing::ValuesIn(test::recording_names()),
                         spelled_as_identifier);

TEST(InventoryQuery, IsTestedWithTenMachines) {
    EXPECT_EQ(test::recording_names().size(), 10U);
}

TEST_P(Recorded, StartsWithAForeignDevice) {
    const Taken taken = take(at_start(recording()));
    EXPECT_TRUE(taken.complete);
    EXPECT_EQ(taken.run_state, "prelaunch");
    ASSERT_THAT(device_ids(taken.inventory), ElementsAre("cold"));
    const InventoryDevice& cold = taken.inventory.devices[0];
    EXPECT_EQ(cold.device.origin, Origin::foreign);
    EXPECT_EQ(cold.device.spec.name, "cold");
    EXPECT_EQ(cold.device.spec.model, Model::plain);
    EXPECT_EQ(cold.device.qom_path, "/machine/peripheral/cold");
    EXPECT_FALSE(cold.device.guest_mapped);
    // Behind a port that firmware has not numbered, query-pci does not show it.
    EXPECT_EQ(cold.device.spec.size, recording().q35() ? 0 : mebibyte);
}

TEST_P(Recorded, DoesNotGuessARoleItWasNotTold) {
    const Taken taken = take(at_start(recording()));
    EXPECT_EQ(taken.inventory.devices[0].device.spec.role, Role::automatic);
}

TEST_P(Recorded, ListsItsMemoryBackendsAndChardevs) {
    const Taken taken = take(at_start(recording()));
    if (recording().version() < Version{5, 0, 0}) {
        EXPECT_THAT(backend_ids(taken.inventory), ElementsAre("coldmem"));
    } else {  // main memory is a backend as well; monitors are objects but none
        EXPECT_THAT(backend_ids(taken.inventory),
                    testing::UnorderedElementsAre("coldmem", "pc.ram"));
    }
    EXPECT_THAT(taken.inventory.chardevs,
                testing::UnorderedElementsAre("compat_monitor0", "compat_monitor1"));
    EXPECT_THAT(orphan_backends(taken.inventory), IsEmpty());
    EXPECT_THAT(orphan_chardevs(taken.inventory), IsEmpty());
}

TEST_P(Recorded, HasItsRootBus) {
    const Taken taken = take(at_start(recording()));
    ASSERT_FALSE(taken.inventory.buses.empty());
    const Bus& root = taken.inventory.buses.front();
    EXPECT_EQ(root.kind, BusKind::root);
    EXPECT_FALSE(root.room);
    if (recording().q35()) {
        EXPECT_EQ(root.name, "pcie.0");
        EXPECT_FALSE(root.hotpluggable);
        EXPECT_THAT(free_slots(root), IsEmpty());
    } else {
        EXPECT_EQ(root.name, "pci.0");
        EXPECT_TRUE(root.hotpluggable);
        EXPECT_THAT(root.occupied, ElementsAre(0, 1, 2));
        EXPECT_EQ(free_slots(root).back(), 31);
    }
}

TEST_P(Recorded, HasItsPortsInTheOrderOfTheirAddresses) {
    const Taken taken = take(at_start(recording()));
    std::vector<std::string> ports;
    for (const Bus& bus : taken.inventory.buses) {
        if (bus.kind == BusKind::port && bus.name != "rpn") ports.push_back(bus.name);
    }
    if (recording().q35()) {
        EXPECT_THAT(ports, ElementsAre("rp0", "rp1", "rp2", "rp3"));
    } else {
        EXPECT_THAT(ports, IsEmpty());
    }
}

TEST_P(Recorded, SeesAnOccupiedPortBeforeFirmwareHasRun) {
    if (!recording().q35()) return;
    const Taken taken = take(at_start(recording()));
    EXPECT_THAT(free_slots(bus_of(taken.inventory, "rp0")), ElementsAre(0));
    EXPECT_TRUE(bus_of(taken.inventory, "rp3").hotpluggable);
    EXPECT_THAT(free_slots(bus_of(taken.inventory, "rp3")), IsEmpty());
    const Taken later = take(with_a_peer(recording()));
    EXPECT_THAT(free_slots(bus_of(later.inventory, "rp0")), IsEmpty());
}

TEST_P(Recorded, ReadsThePeerItWasGiven) {
    const Taken taken = take(with_a_peer(recording()));
    ASSERT_THAT(device_ids(taken.inventory), ElementsAre("cold", "ivshmemd.bus0"));
    const InventoryDevice& peer = device_at(taken.inventory, ours);
    EXPECT_EQ(find_managed(taken.inventory, "bus0"), &peer);
    EXPECT_EQ(peer.device.origin, Origin::managed);
    EXPECT_EQ(peer.device.spec.name, "bus0");
    EXPECT_EQ(peer.device.spec.model, Model::plain);
    EXPECT_EQ(peer.device.spec.role, Role::peer);
    EXPECT_EQ(peer.device.spec.size, mebibyte);
    EXPECT_EQ(peer.device.spec.region, "bus0");
    EXPECT_EQ(peer.device.spec.server, std::nullopt);
    EXPECT_EQ(peer.backend_id, "ivshmemd.bus0.mem");
    EXPECT_EQ(peer.chardev_id, "");
    EXPECT_FALSE(peer.device.guest_mapped);
    EXPECT_TRUE(blocks_migration(peer.device));
}

TEST_P(Recorded, PlacesThePeerWhereQemuPutIt) {
    const Taken taken = take(with_a_peer(recording()));
    const Device& peer = device_at(taken.inventory, ours).device;
    if (recording().q35()) {
        EXPECT_EQ(peer.spec.bus, "rp0");
        EXPECT_EQ(peer.spec.slot, 0);
        EXPECT_EQ(peer.guest_address, std::nullopt);  // not numbered yet
    } else {
        EXPECT_EQ(peer.spec.bus, "pci.0");
        EXPECT_EQ(peer.spec.slot, 3);
        EXPECT_EQ(peer.guest_address, "0000:00:03.0");
        EXPECT_THAT(bus_of(taken.inventory, "pci.0").occupied, ElementsAre(0, 1, 2, 3));
    }
}

TEST_P(Recorded, ReadsThePeersBackend) {
    const Taken taken = take(with_a_peer(recording()));
    const auto& backends = taken.inventory.backends;
    const auto found = std::find_if(backends.begin(), backends.end(), [](const Backend& each) {
        return each.id == "ivshmemd.bus0.mem";
    });
    ASSERT_NE(found, backends.end());
    EXPECT_EQ(found->path, "/dev/shm/bus0");
    EXPECT_EQ(found->size, mebibyte);
    EXPECT_TRUE(found->share);
    EXPECT_THAT(orphan_backends(taken.inventory), IsEmpty());
}

TEST_P(Recorded, CallsNoFileOutsideTheRegionDirectoryARegion) {
    for (const char* region_dir : {"/var/lib/regions", "/dev", "/dev/sh", "/dev/shm/sub"}) {
        const Taken taken = take(with_a_peer(recording()), region_dir);
        EXPECT_EQ(device_at(taken.inventory, ours).device.spec.region, std::nullopt) << region_dir;
    }
}

TEST_P(Recorded, LosesThePeerAtAResetUnlessTheGuestHasToAgree) {
    Answers answers(recording(), "list after reset");
    answers.with_child("/objects", "ivshmemd.bus0.mem", "memory-backend-file");
    const Taken taken = take(answers);
    const bool native_hotplug = recording().q35() && recording().version() < Version{6, 0, 0};
    if (native_hotplug) {
        EXPECT_THAT(device_ids(taken.inventory), Contains("ivshmemd.bus0"));
        EXPECT_THAT(orphan_backends(taken.inventory), IsEmpty());
    } else {
        EXPECT_THAT(device_ids(taken.inventory), ElementsAre("cold"));
        EXPECT_THAT(orphan_backends(taken.inventory), ElementsAre("ivshmemd.bus0.mem"));
    }
}

TEST_P(Recorded, ReadsTheDoorbellDeviceItWasGiven) {
    const Taken taken = take(with_a_doorbell(recording()));
    const InventoryDevice& device = device_at(taken.inventory, doorbell_path);
    EXPECT_EQ(device.device.origin, Origin::managed);
    EXPECT_EQ(device.device.spec.name, "db");
    EXPECT_EQ(device.device.spec.model, Model::doorbell);
    EXPECT_EQ(device.device.spec.msi, true);
    EXPECT_EQ(device.device.spec.role, Role::master);
    EXPECT_EQ(device.device.spec.vectors, 2U);
    EXPECT_EQ(device.device.spec.ioeventfd, true);
    EXPECT_EQ(device.device.spec.region, std::nullopt);
    EXPECT_EQ(device.chardev_id, "ivshmemd.db.chr");
    EXPECT_EQ(device.backend_id, "");
}

TEST_P(Recorded, KnowsWhichChardevServesNoDevice) {
    Answers before(recording(), "query-chardev with doorbell");
    EXPECT_THAT(orphan_chardevs(take(before).inventory), ElementsAre("ivshmemd.db.chr"));
    Answers answers(recording(), "doorbell ioeventfd");
    answers.with(Command("query-chardev"), *Answers(before).find(Command("query-chardev")));
    answers.with_child("/machine/peripheral", "ivshmemd.db", "ivshmem-doorbell");
    EXPECT_THAT(orphan_chardevs(take(answers).inventory), IsEmpty());
}

TEST_P(Recorded, IsNotBelievedWithoutOneOfTheFirstAnswers) {
    const Command needed[] = {Command("query-status"), qom_list("/machine/peripheral"),
                              qom_list("/machine/peripheral-anon"), qom_list("/objects"),
                              Command("query-chardev")};
    for (const Command& question : needed) {
        EXPECT_FALSE(take(at_start(recording()).without(question)).complete)
            << command_object(question).dump();
    }
    EXPECT_TRUE(take(at_start(recording())).complete);
}

std::vector<Command> questions_to(const Answers& answers) {
    QomMemo memo;
    InventoryQuery query({"/dev/shm"}, memo);
    return answer_all(query, answers);
}

TEST_P(Recorded, IsReadWithoutAnyOneAnswerAndWithAnyOddOne) {
    const Answers whole = with_a_peer(recording());
    const std::vector<Command> questions = questions_to(whole);
    ASSERT_GT(questions.size(), 12U);
    for (const Command& question : questions) {
        EXPECT_LE(take(Answers(whole).without(question)).inventory.devices.size(), 2U);
        for (const json& odd : {json(), json("x"), json(-1), json::array({1, json::object()})}) {
            EXPECT_LE(take(Answers(whole).with(question, odd)).inventory.devices.size(), 2U);
        }
    }
}

}  // namespace
}  // namespace ivshmemd::qmp
