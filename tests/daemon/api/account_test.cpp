#include "daemon/api/account.h"

#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

TEST(ApiAccount, IsChargedForAsLongAsTheChargeLives) {
    Accounts accounts;
    const auto account = accounts.of(1000);
    {
        const auto first = Charge::take(account, &Account::calls, 1, 2);
        auto second = Charge::take(account, &Account::calls, 1, 2);
        ASSERT_TRUE(first && second);
        EXPECT_FALSE(Charge::take(account, &Account::calls, 1, 2));
        EXPECT_EQ(account->calls, 2u);
        second->release();
        EXPECT_EQ(account->calls, 1u);
        second->release();
        EXPECT_EQ(account->calls, 1u) << "given back twice";
    }
    EXPECT_EQ(account->calls, 0u);
}

TEST(ApiAccount, KeepsOneKindAndOneUserApartFromOthers) {
    Accounts accounts;
    const auto one = accounts.of(1000);
    const auto other = accounts.of(1001);
    EXPECT_EQ(accounts.of(1000), one);
    const auto bytes = Charge::take(one, &Account::bytes, 100, 100);
    ASSERT_TRUE(bytes);
    EXPECT_FALSE(Charge::take(one, &Account::bytes, 1, 100));
    EXPECT_TRUE(Charge::take(one, &Account::connections, 1, 1));
    EXPECT_TRUE(Charge::take(other, &Account::bytes, 100, 100));
}

TEST(ApiAccount, IsGivenBackWhenAChargeIsReplaced) {
    Accounts accounts;
    const auto account = accounts.of(1000);
    Charge charge = std::move(*Charge::take(account, &Account::bytes, 10, 100));
    Charge more = std::move(*Charge::take(account, &Account::bytes, 50, 100));
    EXPECT_EQ(account->bytes, 60u);
    charge = std::move(more);
    more = Charge();
    EXPECT_EQ(account->bytes, 50u);
    const Charge moved = std::exchange(charge, {});
    EXPECT_EQ(account->bytes, 50u);
}

// What outlives whoever took it finds its account still there.
TEST(ApiAccount, LastsAsLongAsAnythingIsInUse) {
    Accounts accounts;
    std::optional<Charge> charge = Charge::take(accounts.of(1000), &Account::calls, 1, 1);
    ASSERT_TRUE(charge);
    EXPECT_EQ(accounts.of(1000)->calls, 1u);
    EXPECT_FALSE(Charge::take(accounts.of(1000), &Account::calls, 1, 1));
    charge.reset();
    EXPECT_EQ(accounts.of(1000)->calls, 0u);
}

}  // namespace
}  // namespace ivshmemd::test
