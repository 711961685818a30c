#include "daemon/state/store.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/daemon/loop.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {
namespace {

struct StateStoreTest : ::testing::Test {
    /// Each call is one daemon; it holds the directory while the result lives.
    Result<std::unique_ptr<StateStore>> open() {
        return StateStore::open(directory_, worker_, loop_.executor());
    }

    void put(StateStore& store, const SavedState& state) { loop_.run(store.put(state)); }

    static SavedState some_state() {
        SavedState state;
        state.regions.push_back({"/dev/shm/x", 5, 77});
        state.removals.push_back({"a", "uuid", "x", "region", true});
        return state;
    }

    TempDir temp_;
    const std::string directory_ = temp_ / "deep" / "state";
    const std::string file_ = directory_ + "/state.json";
    Loop loop_;
    Worker worker_;
};

TEST_F(StateStoreTest, MakesItsDirectoryAndStartsEmpty) {
    const auto store = open();
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ((*store)->get(), SavedState());
    EXPECT_EQ((*store)->warning(), "");
}

TEST_F(StateStoreTest, KeepsWhatWasPut) {
    put(**open(), some_state());
    const auto again = open();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ((*again)->get(), some_state());
    EXPECT_EQ((*again)->warning(), "");
    struct stat status {};
    ASSERT_EQ(::stat(file_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(StateStoreTest, EndsWithTheLastOfSeveralPutsThatComeTogether) {
    {
        const auto store = open();
        for (std::uint64_t inode = 1; inode <= 20; ++inode) {
            SavedState state;
            state.regions.push_back({"/dev/shm/x", 5, inode});
            spawn(loop_.executor(), "put", (*store)->put(std::move(state)));
        }
        ASSERT_TRUE(loop_.run_out());
    }
    const auto again = open();
    ASSERT_EQ((*again)->get().regions.size(), 1u);
    EXPECT_EQ((*again)->get().regions[0].inode, 20u);
}

TEST_F(StateStoreTest, WritesAChangeAndNothingElse) {
    const auto store = open();
    const auto nothing = [](SavedState&) { return false; };
    loop_.run((*store)->change(nothing));
    EXPECT_FALSE(std::filesystem::exists(file_)) << "nothing has changed";
    const auto add = [](SavedState& state) {
        state.regions.push_back({"/dev/shm/x", 5, 77});
        return true;
    };
    loop_.run((*store)->change(add));
    std::ifstream file(file_);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    EXPECT_NE(text.find("/dev/shm/x"), std::string::npos) << text;
}

TEST(ReplacedRecord, IsOneAndTheLast) {
    const auto even = [](int number) { return number % 2 == 0; };
    std::vector<int> numbers{1, 2, 3, 4};
    EXPECT_TRUE(replace_record(numbers, 6, even));
    EXPECT_EQ(numbers, (std::vector<int>{1, 3, 6}));
    EXPECT_FALSE(replace_record(numbers, 6, even)) << "it is there";
    numbers = {6, 1, 6, 2};
    EXPECT_TRUE(replace_record(numbers, 6, even)) << "it was not alone";
    EXPECT_EQ(numbers, (std::vector<int>{6, 1}));
    numbers.clear();
    EXPECT_TRUE(replace_record(numbers, 2, even));
    EXPECT_EQ(numbers, (std::vector<int>{2}));
}

TEST_F(StateStoreTest, ServesOneDaemonAtATime) {
    auto first = open();
    ASSERT_TRUE(first);
    const auto second = open();
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another ivshmemd"), std::string::npos);
    first->reset();
    EXPECT_TRUE(open());
}

TEST_F(StateStoreTest, SetsAsideWhatItCannotRead) {
    std::filesystem::create_directories(directory_);
    for (const char* text : {"", "{\"version\": 99}", "{\"regions\": [", "\xff\xfe"}) {
        std::ofstream(file_) << text;
        const auto store = open();
        ASSERT_TRUE(store) << text;
        EXPECT_EQ((*store)->get(), SavedState());
        EXPECT_NE((*store)->warning().find("set aside"), std::string::npos) << text;
        EXPECT_FALSE(std::filesystem::exists(file_));
        EXPECT_TRUE(std::filesystem::exists(file_ + ".unreadable"));
        put(**store, some_state());
        EXPECT_TRUE(std::filesystem::exists(file_)) << "it goes on from there";
    }
}

TEST_F(StateStoreTest, GoesOnWithWhatReadsWellOfADamagedFile) {
    std::filesystem::create_directories(directory_);
    const std::string text = R"({"version": 1,
        "regions": [{"path": "/dev/shm/x", "device": 5, "inode": 77}, {"path": 1}],
        "removals": [{"vm": "a", "uuid": "uuid", "device": "x", "region": "region",
                      "removeRegion": true}, 7, 8]})";
    std::ofstream(file_) << text;
    {
        const auto store = open();
        ASSERT_TRUE(store) << store.error().message;
        EXPECT_EQ((*store)->get(), some_state());
        const std::string& warning = (*store)->warning();
        EXPECT_NE(warning.find("going on without 1 region, 2 removals"), std::string::npos)
            << warning;
        EXPECT_NE(warning.find(file_ + ".unreadable"), std::string::npos) << warning;
    }
    std::ifstream aside(file_ + ".unreadable");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(aside), {}), text) << "the original";
    const auto again = open();
    EXPECT_EQ((*again)->get(), some_state()) << "on disk, although nothing was put";
    EXPECT_EQ((*again)->warning(), "");
}

TEST_F(StateStoreTest, LeavesADamagedFileAloneThatItCannotSetAside) {
    std::filesystem::create_directories(file_ + ".unreadable");  // in the way of the copy
    std::ofstream(file_) << R"({"version": 1, "regions": [7], "removals": []})";
    const auto store = open();
    ASSERT_TRUE(store);
    EXPECT_NE((*store)->warning().find("could not be set aside"), std::string::npos)
        << (*store)->warning();
    EXPECT_TRUE(std::filesystem::exists(file_));
}

TEST_F(StateStoreTest, ReplacesALeftoverOfAWriteThatDidNotEnd) {
    std::filesystem::create_directories(directory_);
    std::ofstream(file_ + ".new") << "half";
    put(**open(), some_state());
    EXPECT_EQ((*open())->get(), some_state());
    EXPECT_FALSE(std::filesystem::exists(file_ + ".new"));
}

TEST_F(StateStoreTest, GoesOnWithoutADiskItCanWriteTo) {
    auto store = open();
    ASSERT_TRUE(store);
    std::filesystem::create_directory(file_ + ".new");  // in the way of every write
    put(**store, some_state());
    EXPECT_EQ((*store)->get(), some_state());
    EXPECT_FALSE(std::filesystem::exists(file_));
    std::filesystem::remove(file_ + ".new");
    put(**store, some_state());
    EXPECT_TRUE(std::filesystem::exists(file_)) << "a later put makes up for it";
}

TEST_F(StateStoreTest, WritesAgainWhatItCouldNotWrite) {
    loop_.own_time([this] { return !worker_.busy(); });
    auto store = open();
    ASSERT_TRUE(store);
    const auto keeping = loop_.start((*store)->keep_written());
    std::filesystem::create_directory(file_ + ".new");  // in the way of every write
    put(**store, some_state());
    loop_.pass(std::chrono::seconds(60));
    EXPECT_FALSE(std::filesystem::exists(file_));
    std::filesystem::remove(file_ + ".new");
    loop_.pass(std::chrono::seconds(10));
    EXPECT_TRUE(std::filesystem::exists(file_)) << "although nothing was put";
    const auto written = std::filesystem::last_write_time(file_);
    loop_.pass(std::chrono::seconds(60));
    EXPECT_EQ(std::filesystem::last_write_time(file_), written) << "once";
    (*store)->stop();
    loop_.run_until_quiet();
    EXPECT_TRUE(keeping->done);
}

TEST_F(StateStoreTest, FailsWhenTheDirectoryCannotBeUsed) {
    std::ofstream(temp_ / "deep") << "a file";
    const auto store = open();
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().kind, ErrorKind::internal);
    EXPECT_NE(store.error().message.find(directory_), std::string::npos);
}

}  // namespace
}  // namespace ivshmemd::test
