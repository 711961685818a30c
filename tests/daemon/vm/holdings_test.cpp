#include "daemon/vm/holdings.h"

#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

using namespace std::chrono_literals;
using Time = Holdings::Time;

DeviceSpec spec(const std::string& name, int slot) {
    DeviceSpec spec;
    spec.name = name;
    spec.size = 1 << 20;
    spec.bus = "pci.0";
    spec.slot = slot;
    return spec;
}

class HoldingsTest : public ::testing::Test {
  protected:
    static Inventory bus_with(std::set<int> occupied) {
        Inventory inventory;
        Bus& bus = inventory.buses.emplace_back();
        bus.name = "pci.0";
        bus.hotpluggable = true;
        bus.occupied = std::move(occupied);
        return inventory;
    }
    static std::string path(const std::string& name) {
        return "/machine/peripheral/ivshmemd." + name;
    }
    bool apply(Inventory inventory) {
        return holdings_.apply(std::move(inventory), holdings_.generation(), now_);
    }

    Time now_{1h};
    Holdings holdings_;
};

TEST_F(HoldingsTest, NeverTakeAnOlderReading) {
    const std::uint64_t begun = holdings_.generation();
    holdings_.add_device(spec("x", 5), {"ivshmemd.x.mem", "/dev/shm/x", ""}, now_);
    EXPECT_FALSE(holdings_.apply(bus_with({}), begun, now_));
    EXPECT_NE(find_managed(holdings_.inventory(), "x"), nullptr);
}

TEST_F(HoldingsTest, TakeEveryChangeForOne) {
    ASSERT_TRUE(apply(bus_with({})));
    std::uint64_t last = holdings_.generation();
    const auto changed = [&] { return std::exchange(last, holdings_.generation()) != last; };
    EXPECT_FALSE(changed());
    holdings_.add_device(spec("x", 5), {"b", "/r", "c"}, now_);
    EXPECT_TRUE(changed());
    holdings_.forget_backend("b");
    EXPECT_TRUE(changed());
    holdings_.forget_chardev("c");
    EXPECT_TRUE(changed());
    holdings_.forget_device(path("x"), now_);
    EXPECT_TRUE(changed());
    holdings_.forget_device("/machine/peripheral/unknown", now_);
    EXPECT_TRUE(changed()) << "a reading under way may still show it";
    holdings_.expire();
    EXPECT_TRUE(changed());
    holdings_.start_afresh();
    EXPECT_TRUE(changed());
    holdings_.doubt();
    EXPECT_FALSE(changed()) << "nothing is known to have changed";
}

TEST_F(HoldingsTest, KeepADeviceThatAReadingMissesUntilItIsForgotten) {
    ASSERT_TRUE(apply(bus_with({})));
    holdings_.add_device(spec("x", 5), {"b", "/r", ""}, now_);
    ASSERT_TRUE(apply(bus_with({})));
    EXPECT_EQ(holdings_.missing(), std::vector<std::string>{path("x")});
    EXPECT_NE(find_managed(holdings_.inventory(), "x"), nullptr);
    ASSERT_TRUE(apply(bus_with({})));
    EXPECT_EQ(holdings_.missing().size(), 1u) << "still";
    holdings_.forget_device(path("x"), now_);
    EXPECT_TRUE(holdings_.missing().empty());
    EXPECT_EQ(find_managed(holdings_.inventory(), "x"), nullptr);
}

TEST_F(HoldingsTest, LetASlotRestWhoeverLeftIt) {
    ASSERT_TRUE(apply(bus_with({3})));
    EXPECT_TRUE(holdings_.vacated(now_).empty());
    ASSERT_TRUE(apply(bus_with({})));  // another client's device left
    ASSERT_EQ(holdings_.vacated(now_).size(), 1u);
    EXPECT_EQ(holdings_.vacated(now_)[0].place, (Placement{"pci.0", 3}));
    EXPECT_EQ(holdings_.vacated(now_ + 500ms)[0].age, 500ms);
    holdings_.add_device(spec("x", 5), {}, now_);
    holdings_.forget_device(path("x"), now_);
    EXPECT_EQ(holdings_.vacated(now_).size(), 2u);
}

TEST_F(HoldingsTest, RememberWhereADeviceWasOverAnotherProcess) {
    ASSERT_TRUE(apply(bus_with({})));
    holdings_.add_device(spec("x", 5), {}, now_);
    holdings_.start_afresh();
    EXPECT_TRUE(holdings_.inventory().devices.empty());
    EXPECT_TRUE(holdings_.vacated(now_).empty()) << "its guest is another one";
    EXPECT_EQ(holdings_.last_place("x"), (Placement{"pci.0", 5}));
}

TEST_F(HoldingsTest, AreSettledAgainByAReading) {
    holdings_.doubt();
    EXPECT_TRUE(holdings_.doubtful());
    ASSERT_TRUE(apply(bus_with({})));
    EXPECT_FALSE(holdings_.doubtful());
}

TEST_F(HoldingsTest, KnowSinceWhenADeviceIsThere) {
    ASSERT_TRUE(apply(bus_with({})));
    holdings_.add_device(spec("x", 5), {}, now_);
    EXPECT_EQ(holdings_.seen_since(path("x"), now_ + 5s), now_);
    Inventory reading = holdings_.inventory();
    EXPECT_TRUE(holdings_.apply(reading, holdings_.generation(), now_ + 3s));
    EXPECT_EQ(holdings_.seen_since(path("x"), now_ + 5s), now_);
    holdings_.forget_device(path("x"), now_ + 6s);
    EXPECT_EQ(holdings_.seen_since(path("x"), now_ + 7s), now_ + 7s);
}

}  // namespace
}  // namespace ivshmemd::test
