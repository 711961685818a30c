#include "daemon/region/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr RegionIdentity region{1, 10};
constexpr RegionIdentity other{1, 11};

struct FakeVm : RegionSource {
    explicit FakeVm(std::string name_) : called(std::move(name_)) {}

    const std::string& name() const override { return called; }
    Sight sight() const override { return seen; }
    std::vector<MemoryUser> memory_users() const override { return users; }
    std::optional<MemoryUser> coming() const override { return attaching; }
    bool holds_for_migration() const override { return migrates; }

    std::string called;
    Sight seen = Sight::whole;
    std::vector<MemoryUser> users;
    std::optional<MemoryUser> attaching;
    bool migrates = false;
};

struct RegionUsersTest : ::testing::Test {
    RegionUsersTest() {
        users_.add(web_);
        users_.add(db_);
    }

    std::shared_ptr<FakeVm> web_ = std::make_shared<FakeVm>("web");
    std::shared_ptr<FakeVm> db_ = std::make_shared<FakeVm>("db");
    RegionUsers users_;
};

TEST_F(RegionUsersTest, AnswerNobodyWhenAllVmsWereAsked) {
    web_->users = {{"shm0", other}};
    EXPECT_TRUE(users_.ask(region).nobody());
    EXPECT_EQ(users_.ask(region).in_words(), "");
    db_->seen = Sight::nobody;
    EXPECT_TRUE(users_.ask(region).nobody()) << "a VM that is switched off uses nothing";
}

TEST_F(RegionUsersTest, AnswerWhoMapsIt) {
    web_->users = {{"shm0", region}, {"shm1", other}};
    db_->users = {{"mine", region}};
    const RegionUsers::Answer answer = users_.ask(region);
    EXPECT_FALSE(answer.nobody());
    EXPECT_THAT(answer.mapped, ElementsAre("db/mine", "web/shm0"));
    EXPECT_THAT(answer.in_words(), HasSubstr("db/mine, web/shm0"));
}

TEST_F(RegionUsersTest, AnswerWhoIsComing) {
    web_->attaching = MemoryUser{"shm0", region};
    EXPECT_FALSE(users_.ask(region).nobody());
    EXPECT_THAT(users_.ask(region).coming, ElementsAre("web/shm0"));
    EXPECT_TRUE(users_.ask(other).nobody());
    EXPECT_TRUE(users_.ask(region, "web/shm0").nobody()) << "its attach has failed";
    web_->users = {{"shm0", region}};
    EXPECT_FALSE(users_.ask(region, "web/shm0").nobody()) << "and left its backend behind";
}

TEST_F(RegionUsersTest, AnswerWhoCannotTell) {
    db_->seen = Sight::partial;
    const RegionUsers::Answer answer = users_.ask(region);
    EXPECT_FALSE(answer.nobody());
    EXPECT_THAT(answer.mapped, IsEmpty());
    EXPECT_THAT(answer.cannot_tell, ElementsAre("db"));
    EXPECT_THAT(answer.in_words(), HasSubstr("VM db"));
    users_.remove("db");
    EXPECT_TRUE(users_.ask(region).nobody());
}

TEST_F(RegionUsersTest, CountWhatAVmUsedLastWhileItCannotTell) {
    db_->seen = Sight::partial;
    db_->users = {{"mine", region, true}};
    EXPECT_THAT(users_.ask(region).mapped, ElementsAre("db/mine"));
    EXPECT_EQ(users_.find_master(region, "web/shm0"), "db/mine");
}

TEST_F(RegionUsersTest, KnowTheMasterThatIsThereOrComing) {
    web_->users = {{"peer", region}, {"elsewhere", other, true}};
    EXPECT_EQ(users_.find_master(region, ""), "");
    web_->attaching = MemoryUser{"m", region, true};
    EXPECT_EQ(users_.find_master(region, ""), "web/m");
    EXPECT_EQ(users_.find_master(region, "web/m"), "");
    db_->users = {{"m", region, true}};
    EXPECT_EQ(users_.find_master(region, "web/m"), "db/m");
}

TEST_F(RegionUsersTest, LeaveOutOfTheMastersWhoHoldsItForAMigration) {
    web_->users = {{"m", region, true}};
    web_->migrates = true;
    EXPECT_EQ(users_.find_master(region, ""), "");
    EXPECT_THAT(users_.find_sharers(region, "db"), IsEmpty());
    EXPECT_FALSE(users_.ask(region).nobody()) << "but it maps it";
}

TEST_F(RegionUsersTest, KnowTheSharersInOtherVms) {
    web_->users = {{"shm0", region}};
    db_->users = {{"mine", region}};
    EXPECT_THAT(users_.find_sharers(region, "web"), ElementsAre("db/mine"));
}

TEST_F(RegionUsersTest, SayWhatIsLosingItsName) {
    {
        const RegionUsers::UnlinkingMark mark(users_, region);
        const RegionUsers::UnlinkingMark second(users_, region);
        EXPECT_TRUE(users_.is_unlinking(region));
        EXPECT_FALSE(users_.is_unlinking(other));
    }
    EXPECT_FALSE(users_.is_unlinking(region));
}

}  // namespace
}  // namespace ivshmemd::test
