#include "lib/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

InventoryDevice device(std::string id, std::string backend_id, std::string chardev_id = "") {
    InventoryDevice made;
    made.device.qom_path = "/machine/peripheral/" + id;
    made.id = std::move(id);
    made.backend_id = std::move(backend_id);
    made.chardev_id = std::move(chardev_id);
    return made;
}

Backend backend(std::string id) {
    Backend made;
    made.id = std::move(id);
    return made;
}

Bus slots_bus(std::set<int> occupied) {
    Bus bus;
    bus.name = "pci.0";
    bus.hotpluggable = true;
    bus.occupied = std::move(occupied);
    return bus;
}

Bus port_bus(std::set<int> occupied) {
    Bus bus = slots_bus(std::move(occupied));
    bus.name = "rp0";
    bus.port = true;
    return bus;
}

TEST(Inventory, FindsAManagedDeviceByItsName) {
    Inventory inventory;
    inventory.devices = {device("bus", "a"), device("ivshmemd.bus0", "b"),
                         device("ivshmemd.bus", "c")};
    ASSERT_TRUE(find_managed(inventory, "bus"));
    EXPECT_EQ(find_managed(inventory, "bus")->backend_id, "c");
    EXPECT_EQ(find_managed(inventory, "bus0")->backend_id, "b");
    EXPECT_EQ(find_managed(inventory, "bu"), nullptr);
    EXPECT_EQ(find_managed(inventory, "ivshmemd.bus"), nullptr);
}

TEST(Inventory, FindsADeviceByItsWholePath) {
    Inventory inventory;
    inventory.devices = {device("iv0", "a")};
    ASSERT_TRUE(find_by_path(inventory, "/machine/peripheral/iv0"));
    EXPECT_EQ(find_by_path(inventory, "/machine/peripheral/iv"), nullptr);
    EXPECT_EQ(find_by_path(inventory, "/machine/peripheral/iv0/"), nullptr);
    EXPECT_EQ(find_by_path(inventory, ""), nullptr);
}

TEST(Inventory, FindsABusByItsName) {
    Inventory inventory;
    inventory.buses = {slots_bus({}), port_bus({})};
    EXPECT_EQ(find_bus(inventory, "rp0"), &inventory.buses[1]);
    EXPECT_EQ(find_bus(inventory, "rp"), nullptr);
}

TEST(FreeSlots, AreTheUnoccupiedOnesInAscendingOrder) {
    const std::vector<int> free = free_slots(slots_bus({0, 1, 2, 31}));
    ASSERT_EQ(free.size(), 28U);
    EXPECT_EQ(free.front(), 3);
    EXPECT_EQ(free.back(), 30);
    EXPECT_TRUE(std::is_sorted(free.begin(), free.end()));
}

TEST(FreeSlots, AreNoneOnAFullBus) {
    std::set<int> all;
    for (int slot = 0; slot < 32; ++slot) all.insert(slot);
    EXPECT_THAT(free_slots(slots_bus(all)), IsEmpty());
}

TEST(FreeSlots, AreNoneWhereNothingCanBePlugged) {
    Bus root = slots_bus({0});
    root.hotpluggable = false;
    Bus port = port_bus({});
    port.hotpluggable = false;
    EXPECT_THAT(free_slots(root), IsEmpty());
    EXPECT_THAT(free_slots(port), IsEmpty());
}

TEST(FreeSlots, OfAPortAreSlotZeroUntilAnythingIsBehindIt) {
    EXPECT_THAT(free_slots(port_bus({})), ElementsAre(0));
    EXPECT_THAT(free_slots(port_bus({0})), IsEmpty());
    EXPECT_THAT(free_slots(port_bus({1})), IsEmpty());  // an invisible neighbour
}

TEST(Orphans, AreOurBackendsThatServeNoDevice) {
    Inventory inventory;
    inventory.devices = {device("ivshmemd.a", "ivshmemd.a.mem.2")};
    inventory.backends = {backend("ivshmemd.a.mem"), backend("ivshmemd.a.mem.2"),
                          backend("ivshmemd.b.mem")};
    EXPECT_THAT(orphan_backends(inventory), ElementsAre("ivshmemd.a.mem", "ivshmemd.b.mem"));
}

TEST(Orphans, AreOurChardevsThatServeNoDevice) {
    Inventory inventory;
    inventory.devices = {device("ivshmemd.a", "", "ivshmemd.a.chr")};
    inventory.chardevs = {"ivshmemd.a.chr", "ivshmemd.b.chr"};
    EXPECT_THAT(orphan_chardevs(inventory), ElementsAre("ivshmemd.b.chr"));
}

TEST(Orphans, AreNeverTheThingsOfOthers) {
    Inventory inventory;
    inventory.backends = {backend("pc.ram"),          backend("shm0"),
                          backend("ivshmemd"),        backend("ivshmemd.a"),
                          backend("other.a.mem"),     backend("ivshmemd.a.memory"),
                          backend("ivshmemd.a.mem.x")};
    inventory.chardevs = {"compat_monitor0", "serial0", "ivshmemd.a", "other.a.chr"};
    EXPECT_THAT(orphan_backends(inventory), IsEmpty());
    EXPECT_THAT(orphan_chardevs(inventory), IsEmpty());
}

TEST(Orphans, AreNoneWhileAForeignDeviceUsesOurThing) {
    Inventory inventory;
    inventory.devices = {device("theirs", "ivshmemd.a.mem", "ivshmemd.b.chr")};
    inventory.backends = {backend("ivshmemd.a.mem")};
    inventory.chardevs = {"ivshmemd.b.chr"};
    EXPECT_THAT(orphan_backends(inventory), IsEmpty());
    EXPECT_THAT(orphan_chardevs(inventory), IsEmpty());
}

TEST(FreshBackendId, IsTheFirstGenerationThatIsNotThere) {
    Inventory inventory;
    EXPECT_EQ(fresh_backend_id(inventory, "a"), "ivshmemd.a.mem");
    inventory.backends = {backend("ivshmemd.a.mem"), backend("ivshmemd.ab.mem.2")};
    EXPECT_EQ(fresh_backend_id(inventory, "a"), "ivshmemd.a.mem.2");
    inventory.backends.push_back(backend("ivshmemd.a.mem.2"));
    inventory.backends.push_back(backend("ivshmemd.a.mem.4"));
    EXPECT_EQ(fresh_backend_id(inventory, "a"), "ivshmemd.a.mem.3");
    EXPECT_EQ(fresh_backend_id(inventory, "b"), "ivshmemd.b.mem");
}

struct Window {
    std::uint64_t base;
    std::uint64_t limit;
    std::uint64_t block;
};

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;

TEST(LargestAlignedBlock, FitsTheWindowsFirmwareMakes) {
    for (const auto& [base, limit, block] : {
             Window{4293918720, 1048575, 0},               // closed, as before firmware
             Window{0xfe800000, 0xfe9fffff, 2 * mib},      // what a port gets by default
             Window{0xfe900000, 0xfeafffff, mib},          // as large, aligned to 1 MiB only
             Window{0xee400000, 0xfe3fffff, 128 * mib},    // 256 MiB, not aligned to it
             Window{0x180000000, 0x18fffffff, 256 * mib},  // 256 MiB above 4 GiB
             Window{0x8000000000, 0x80ffffffff, 4 * gib},
         }) {
        EXPECT_EQ(largest_aligned_block(base, limit), block) << std::hex << base << "-" << limit;
    }
}

TEST(LargestAlignedBlock, HandlesTheEdges) {
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    for (const auto& [base, limit, block] : {
             Window{0, 0, 1}, Window{1, 0, 0}, Window{1, 1, 1}, Window{1, 2, 1},
             Window{0, 4095, 4096}, Window{0, 4094, 2048}, Window{1, 4095, 2048},
             Window{4096, 4095, 0}, Window{UINT64_MAX, 0, 0}, Window{UINT64_MAX, UINT64_MAX, 1},
             Window{UINT64_MAX - 4095, UINT64_MAX, 4096},
             Window{UINT64_MAX - 4094, UINT64_MAX, 2048}, Window{half, UINT64_MAX, half},
             Window{half + 1, UINT64_MAX, half / 2}, Window{1, UINT64_MAX, half},
             Window{0, half - 1, half}, Window{0, UINT64_MAX - 1, half},
             Window{0, UINT64_MAX, half},  // 2^64 bytes have no number: the largest power that has
         }) {
        EXPECT_EQ(largest_aligned_block(base, limit), block) << std::hex << base << "-" << limit;
    }
}

TEST(LargestAlignedBlock, IsWhatTryingEveryPlaceFinds) {
    constexpr std::uint64_t size = 70;
    for (std::uint64_t base = 0; base < size; ++base) {
        for (std::uint64_t limit = 0; limit < size; ++limit) {
            std::uint64_t best = 0;
            for (std::uint64_t block = 1; block < 2 * size; block *= 2) {
                for (std::uint64_t start = 0; start <= limit; start += block) {
                    if (start >= base && start + block - 1 <= limit) best = block;
                }
            }
            EXPECT_EQ(largest_aligned_block(base, limit), best) << base << "-" << limit;
        }
    }
}

}  // namespace
}  // namespace ivshmemd
