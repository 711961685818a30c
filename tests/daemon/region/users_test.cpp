#include "daemon/region/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ivshmemd::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t region_size = 1 << 20;

const Mapping region = whole_file({1, 10}, region_size);
const Mapping other = whole_file({1, 11}, region_size);

struct FakeVm : RegionSource {
    explicit FakeVm(std::string name_) : called(std::move(name_)) {}

    const std::string& name() const override { return called; }
    const std::string& uuid() const override { return known_by; }
    Sight sight() const override { return seen; }
    std::vector<MemoryUser> memory_users() const override { return users; }
    std::optional<MemoryUser> coming() const override { return attaching; }
    bool holds_for_migration() const override { return migrates || awaits; }
    bool awaits_migration() const override { return awaits; }

    std::string called;
    std::string known_by;
    Sight seen = Sight::whole;
    std::vector<MemoryUser> users;
    std::optional<MemoryUser> attaching;
    bool migrates = false;  // has left
    bool awaits = false;
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
    EXPECT_TRUE(users_.ask(region.file).nobody());
    EXPECT_EQ(users_.ask(region.file).in_words(), "");
    db_->seen = Sight::nobody;
    EXPECT_TRUE(users_.ask(region.file).nobody()) << "a VM that is switched off uses nothing";
}

TEST_F(RegionUsersTest, AnswerWhoMapsIt) {
    web_->users = {{"shm0", region}, {"shm1", other}};
    db_->users = {{"mine", region}};
    const RegionUsers::Answer answer = users_.ask(region.file);
    EXPECT_FALSE(answer.nobody());
    EXPECT_THAT(answer.mapped, ElementsAre("db/mine", "web/shm0"));
    EXPECT_THAT(answer.in_words(), HasSubstr("db/mine, web/shm0"));
}

TEST_F(RegionUsersTest, AnswerWhoIsComing) {
    web_->attaching = MemoryUser{"shm0", region};
    const RegionUsers::ComingMark mark(users_, *web_);
    EXPECT_FALSE(users_.ask(region.file).nobody());
    EXPECT_THAT(users_.ask(region.file).coming, ElementsAre("web/shm0"));
    EXPECT_TRUE(users_.ask(other.file).nobody());
    EXPECT_TRUE(users_.ask(region.file, "web/shm0").nobody()) << "its attach has failed";
    web_->users = {{"shm0", region}};
    EXPECT_FALSE(users_.ask(region.file, "web/shm0").nobody()) << "and left its backend behind";
}

TEST_F(RegionUsersTest, KnowWhoseAttachIsUnderWayForAsLongAsItIs) {
    web_->attaching = MemoryUser{"shm0", region};
    db_->attaching = MemoryUser{"shm0", region};
    {
        const RegionUsers::ComingMark web(users_, *web_);
        EXPECT_FALSE(users_.is_coming(region.file, "web/shm0"));
        EXPECT_TRUE(users_.is_coming(region.file, "db/shm0"));
        EXPECT_FALSE(users_.is_coming(other.file, ""));
        const RegionUsers::ComingMark db(users_, *db_);
        EXPECT_TRUE(users_.is_coming(region.file, "web/shm0"));
        EXPECT_THAT(users_.ask(region.file).coming, ElementsAre("db/shm0", "web/shm0"));
    }
    EXPECT_FALSE(users_.is_coming(region.file, ""));
    EXPECT_TRUE(users_.ask(region.file).nobody());
}

TEST_F(RegionUsersTest, AnswerWhoCannotTell) {
    db_->seen = Sight::partial;
    const RegionUsers::Answer answer = users_.ask(region.file);
    EXPECT_FALSE(answer.nobody());
    EXPECT_THAT(answer.mapped, IsEmpty());
    EXPECT_THAT(answer.cannot_tell, ElementsAre("db"));
    EXPECT_THAT(answer.in_words(), HasSubstr("VM db"));
    users_.remove("db");
    EXPECT_TRUE(users_.ask(region.file).nobody());
}

TEST_F(RegionUsersTest, CountWhatAVmUsedLastWhileItCannotTell) {
    db_->seen = Sight::partial;
    db_->users = {{"mine", region, true}};
    EXPECT_THAT(users_.ask(region.file).mapped, ElementsAre("db/mine"));
    EXPECT_EQ(users_.find_master(region, "", {"web/shm0"}), "db/mine");
}

TEST_F(RegionUsersTest, KnowTheMasterThatIsThereOrComing) {
    web_->users = {{"peer", region}, {"elsewhere", other, true}};
    EXPECT_EQ(users_.find_master(region, "", {}), "");
    web_->attaching = MemoryUser{"m", region, true};
    const RegionUsers::ComingMark mark(users_, *web_);
    EXPECT_EQ(users_.find_master(region, "", {}), "web/m");
    EXPECT_EQ(users_.find_master(region, "", {"web/m"}), "");
    db_->users = {{"m", region, true}};
    EXPECT_EQ(users_.find_master(region, "", {"web/m"}), "db/m");
}

TEST_F(RegionUsersTest, HaveOneMasterForEachByteAndNotForEachFile) {
    Mapping next = region;
    next.offset = region_size;
    web_->users = {{"m", next, true}};
    EXPECT_EQ(users_.find_master(region, "", {}), "");
    EXPECT_THAT(users_.find_sharers(region, "db"), IsEmpty());
    EXPECT_THAT(users_.ask(region.file).mapped, ElementsAre("web/m")) << "it is in that file";
    next.offset = region_size / 2;
    web_->users = {{"m", next, true}};
    EXPECT_EQ(users_.find_master(region, "", {}), "web/m");
}

TEST_F(RegionUsersTest, ShareNothingWithAPrivateCopy) {
    Mapping copy = region;
    copy.shared = false;
    web_->users = {{"m", copy, true}};
    EXPECT_EQ(users_.find_master(region, "", {}), "");
    EXPECT_THAT(users_.find_sharers(region, "db"), IsEmpty());
}

TEST_F(RegionUsersTest, CountAsMastersOfEverythingWhereTheirMemoryCannotBeTold) {
    web_->users = {{"m", Mapping(), true}};
    EXPECT_EQ(users_.find_master(region, "", {}), "web/m");
    EXPECT_THAT(users_.find_sharers(other, "db"), ElementsAre("web/m"));
    EXPECT_TRUE(users_.ask(region.file).nobody()) << "whether a file is open, the kernel knows";
}

TEST_F(RegionUsersTest, LeaveOutOfTheMastersWhoHoldsItForAMigration) {
    web_->users = {{"m", region, true}};
    web_->migrates = true;
    EXPECT_EQ(users_.find_master(region, "", {}), "");
    EXPECT_THAT(users_.find_sharers(region, "db"), IsEmpty());
    EXPECT_FALSE(users_.ask(region.file).nobody()) << "but it maps it";
}

TEST_F(RegionUsersTest, KnowTheMastersThatAreNoSourceOfAMigration) {
    const std::string one = "11111111-0000-0000-0000-000000000000";
    const std::string two = "22222222-0000-0000-0000-000000000000";
    const std::string none = "00000000-0000-0000-0000-000000000000";
    struct Case {
        std::string holder;
        std::string incoming;
        bool counts;
    };
    const Case cases[] = {{one, two, true},   {one, one, false},   {none, two, false},
                          {one, none, false}, {none, none, false}, {"", two, false},
                          {one, "", false}};
    web_->users = {{"m", region, true}};
    for (const bool migrates : {false, true}) {
        web_->migrates = migrates;
        for (const Case& each : cases) {
            web_->known_by = each.holder;
            const std::string found = users_.find_other_master(region, each.incoming, {});
            EXPECT_EQ(!found.empty(), each.counts) << each.holder << " " << each.incoming;
        }
    }
    web_->known_by = one;
    EXPECT_EQ(users_.find_other_master(region, two, {"web/m"}), "");
    EXPECT_EQ(users_.find_other_master(other, two, {}), "");
    db_->known_by = "33333333-0000-0000-0000-000000000000";
    db_->users = {{"m", region, true}};
    EXPECT_EQ(users_.find_other_master(region, one, {}), "db/m") << "beside its own source";
}

// What arrives for another VM would overwrite the region of this one.
TEST_F(RegionUsersTest, KnowTheMastersOfOtherVmsThatWaitForAMigration) {
    const std::string one = "11111111-0000-0000-0000-000000000000";
    const std::string two = "22222222-0000-0000-0000-000000000000";
    const std::string none = "00000000-0000-0000-0000-000000000000";
    web_->users = {{"m", region, true}};
    web_->awaits = true;
    web_->known_by = one;
    EXPECT_EQ(users_.find_master(region, two, {}), "web/m");
    EXPECT_EQ(users_.find_master(region, two, {"web/m"}), "");
    EXPECT_EQ(users_.find_master(other, two, {}), "");
    EXPECT_EQ(users_.find_master(region, one, {}), "") << "this is its source";
    EXPECT_EQ(users_.find_master(region, none, {}), "");
    web_->known_by = none;
    EXPECT_EQ(users_.find_master(region, two, {}), "");
    web_->known_by = one;
    web_->awaits = false;
    EXPECT_EQ(users_.find_master(region, one, {}), "web/m") << "it has come";
}

TEST_F(RegionUsersTest, KnowTheSharersInOtherVms) {
    web_->users = {{"shm0", region}};
    db_->users = {{"mine", region}};
    EXPECT_THAT(users_.find_sharers(region, "web"), ElementsAre("db/mine"));
}

TEST_F(RegionUsersTest, SayWhatIsLosingItsName) {
    {
        const RegionUsers::UnlinkingMark mark(users_, region.file);
        const RegionUsers::UnlinkingMark second(users_, region.file);
        EXPECT_TRUE(users_.is_unlinking(region.file));
        EXPECT_FALSE(users_.is_unlinking(other.file));
    }
    EXPECT_FALSE(users_.is_unlinking(region.file));
}

}  // namespace
}  // namespace ivshmemd::test
