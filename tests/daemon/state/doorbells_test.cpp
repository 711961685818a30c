#include "daemon/state/doorbells.h"

#include <gtest/gtest.h>

#include "daemon/state/removals.h"
#include "tests/daemon/loop.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {
namespace {

class DoorbellRecords : public ::testing::Test {
  protected:
    DoorbellRecords() { reopen(); }

    /// As the next daemon does it.
    void reopen() {
        store_.reset();
        store_ = std::move(*StateStore::open(temp_.path(), worker_, loop_.executor()));
    }

    void remember(const VmKey& vm, const std::string& device, int top) {
        loop_.run(remember_doorbell(*store_, vm, device, {floor_, top}));
    }

    std::optional<int> top(const VmKey& vm, const std::string& device) {
        const std::optional<DescriptorRange> range = doorbell_range(*store_, vm, device);
        if (!range) return std::nullopt;
        EXPECT_EQ(range->floor, floor_);
        return range->top;
    }

    TempDir temp_;
    Loop loop_;
    Worker worker_;
    std::unique_ptr<StateStore> store_;
    const int floor_ = 7;
    const VmKey vm_{"a", "uuid", "run"};
};

TEST_F(DoorbellRecords, AreOfOneDeviceInOneQemu) {
    EXPECT_EQ(top(vm_, "x"), std::nullopt);
    remember(vm_, "x", 30);
    remember(vm_, "y", 40);
    remember({"b", "uuid", "run"}, "x", 50);
    reopen();
    EXPECT_EQ(top(vm_, "x"), 30);
    EXPECT_EQ(top(vm_, "y"), 40);
    EXPECT_EQ(top({"a", "uuid", "later"}, "x"), std::nullopt);
    EXPECT_EQ(top({"a", "other", "run"}, "x"), std::nullopt);
    EXPECT_EQ(top({"b", "uuid", "run"}, "x"), 50);
    EXPECT_EQ(top({"c", "uuid", "run"}, "x"), std::nullopt);
}

TEST_F(DoorbellRecords, AreReplacedAndForgotten) {
    remember(vm_, "x", 30);
    remember(vm_, "x", 35);
    remember(vm_, "y", 40);
    EXPECT_EQ(top(vm_, "x"), 35);
    EXPECT_EQ(store_->get().doorbells.size(), 2u);
    loop_.run(forget_doorbell(*store_, vm_, "x"));
    EXPECT_EQ(top(vm_, "x"), std::nullopt);
    EXPECT_EQ(top(vm_, "y"), 40);
}

TEST_F(DoorbellRecords, OfAnEarlierQemuGoWithTheFirstOfTheNext) {
    const VmKey next("a", "uuid", "next");
    remember(vm_, "x", 30);
    remember(vm_, "y", 40);
    remember({"b", "uuid", "run"}, "x", 50);
    remember(next, "z", 20);
    EXPECT_EQ(top(vm_, "x"), std::nullopt);
    EXPECT_EQ(store_->get().doorbells.size(), 2u);
    EXPECT_EQ(top(next, "z"), 20);
    EXPECT_EQ(top({"b", "uuid", "run"}, "x"), 50) << "another VM";
}

TEST_F(DoorbellRecords, StandBesideRemovalsThatKnowTheirQemu) {
    DeviceSpec spec;
    spec.name = "x";
    loop_.run(save_intent(*store_, vm_, spec, false));
    reopen();
    const VmKey next("a", "uuid", "next");
    const auto intents = removal_intents(*store_, next);
    ASSERT_EQ(intents.size(), 1u) << "of this VM, whichever QEMU it was";
    EXPECT_EQ(intents[0].run, "run");
}

}  // namespace
}  // namespace ivshmemd::test
