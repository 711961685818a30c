#include "proto/state_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ivshmemd {
namespace {

SavedState full_state() {
    SavedState state;
    state.regions = {{"/dev/shm/bus0", 26, 4711},
                     {"/dev/shm/a\"b\\c", 0, 0},
                     {"/dev/shm/gr\xc3\xbc\xc3\x9f", UINT64_MAX, UINT64_MAX}};
    state.removals = {{"vm1", "00000000-0000-0000-0000-000000000000", "bus0", "bus0", true},
                      {"0.vm", "", "b", "", false}};
    DeviceSpec peer{"p", Model::plain, Role::peer, 4096, "r", {}, {}, {}, {}, "rp0", 0};
    DeviceSpec bell{"d", Model::legacy, Role::master, 8192, {}, "/s", 3, true, false, "pci.0", 31};
    state.migrations = {
        {"vm1", "0-0", MigrationPhase::detaching, "unix:/x", "", true, {peer, bell}},
        {"vm2", "", MigrationPhase::completed, "tcp:h:1", "vm3", false, {}}};
    state.declared = {{"vm1", "x", Model::legacy, DeclaredFate::attached, "17@1.2/3"},
                      {"vm1", "y", {}, DeclaredFate::away, ""},
                      {"0.vm", "x", Model::doorbell, DeclaredFate::none, "r"}};
    return state;
}

TEST(StateFile, IsReadBackAsItWasWritten) {
    for (const SavedState& state : {SavedState{}, full_state()}) {
        const Result<SavedState> back = parse_state(spell_state(state));
        ASSERT_TRUE(back) << back.error().message;
        EXPECT_EQ(*back, state);
    }
}

TEST(StateFile, OfAnEarlierReleaseHasNoMigrationsAndNothingDeclared) {
    const Result<SavedState> state =
        parse_state(R"({"version": 1, "regions": [], "removals": []})");
    ASSERT_TRUE(state);
    EXPECT_TRUE(state->migrations.empty());
    EXPECT_TRUE(state->declared.empty());
}

TEST(StateFile, KeepsEveryPhaseOfAMigration) {
    for (const MigrationPhase phase : {MigrationPhase::detaching, MigrationPhase::migrating,
                                       MigrationPhase::replugging, MigrationPhase::completed}) {
        SavedState state = full_state();
        state.migrations[0].phase = phase;
        const Result<SavedState> back = parse_state(spell_state(state));
        ASSERT_TRUE(back);
        EXPECT_EQ(back->migrations[0].phase, phase);
    }
}

TEST(StateFile, IsOneLine) {
    const std::string text = spell_state(full_state());
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    EXPECT_EQ(text.back(), '\n');
}

TEST(StateFile, TornAnywhereIsRefusedWhole) {
    const SavedState state = full_state();
    const std::string text = spell_state(state);
    for (std::size_t length = 0; length + 1 < text.size(); ++length) {
        EXPECT_FALSE(parse_state(std::string_view(text).substr(0, length))) << length;
    }
    const Result<SavedState> without_line_end = parse_state(text.substr(0, text.size() - 1));
    ASSERT_TRUE(without_line_end);
    EXPECT_EQ(*without_line_end, state);
}

TEST(StateFile, WithAnyByteCutOutYieldsNothingThatWasNotThereOrIsRefused) {
    SavedState state;
    state.regions = {{"/dev/shm/bus0", 26, 4711}};
    state.removals = {{"vm1", "", "bus0", "bus0", true}};
    const std::string text = spell_state(state);
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string damaged = text;
        damaged.erase(at, 1);
        const Result<SavedState> back = parse_state(damaged);
        if (!back) {
            EXPECT_EQ(back.error().kind, ErrorKind::internal);
            continue;
        }
        // A letter lost from a name is another name; never more entries than there were.
        EXPECT_LE(back->regions.size(), 1U);
        EXPECT_LE(back->removals.size(), 1U);
    }
}

TEST(StateFile, WithAnyByteReplacedDoesNoHarm) {
    const std::string text = spell_state(full_state());
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const char byte : {'\0', '\xff', '"', '}', '9'}) {
            std::string damaged = text;
            damaged[at] = byte;
            const Result<SavedState> back = parse_state(damaged);
            if (!back) continue;
            EXPECT_LE(back->regions.size(), 3U);
            EXPECT_LE(back->removals.size(), 2U);
        }
    }
}

TEST(StateFile, DoubledOrContinuedIsRefused) {
    const std::string text = spell_state(full_state());
    EXPECT_FALSE(parse_state(text + text));
    EXPECT_FALSE(parse_state(text + "x"));
    EXPECT_FALSE(parse_state(text + std::string(1, '\0')));
    EXPECT_FALSE(parse_state(std::string(text.size(), '\0')));
}

TEST(StateFile, OfAnotherVersionOrMakeIsRefused) {
    for (const std::string_view text :
         {"", "\n", "null", "[]", "{}", "1", "\"version\"", "not json",
          R"({"version":2,"regions":[],"removals":[]})",
          R"({"version":0,"regions":[],"removals":[]})",
          R"({"version":"1","regions":[],"removals":[]})",
          R"({"version":1.0,"regions":[],"removals":[]})",
          R"({"version":true,"regions":[],"removals":[]})", R"({"version":1})",
          R"({"version":1,"regions":[]})", R"({"version":1,"removals":[]})",
          R"({"version":1,"regions":{},"removals":[]})",
          R"({"version":1,"regions":null,"removals":[]})",
          R"({"version":1,"version":1,"regions":[],"removals":[]})"}) {
        const Result<SavedState> state = parse_state(text);
        ASSERT_FALSE(state) << text;
        EXPECT_EQ(state.error().kind, ErrorKind::internal);
        EXPECT_FALSE(state.error().message.empty());
    }
    EXPECT_TRUE(parse_state(R"({"version":1,"regions":[],"removals":[]})"));
}

TEST(StateFile, WithADamagedEntryIsRefused) {
    const std::string good = R"({"path":"/dev/shm/a","device":1,"inode":2})";
    const auto with = [&](const std::string& entry) {
        return parse_state(R"({"version":1,"regions":[)" + good + "," + entry +
                           R"(],"removals":[]})");
    };
    EXPECT_TRUE(with(good));
    for (const char* entry :
         {"null", "1", "[]", "{}", R"({"device":1,"inode":2})", R"({"path":"/a","inode":2})",
          R"({"path":"/a","device":1})", R"({"path":1,"device":1,"inode":2})",
          R"({"path":"","device":1,"inode":2})", R"({"path":"a","device":1,"inode":2})",
          R"({"path":"../a","device":1,"inode":2})", R"({"path":"/a","device":-1,"inode":2})",
          R"({"path":"/a","device":1,"inode":2.0})", R"({"path":"/a","device":1,"inode":"2"})",
          R"({"path":"/a","device":1,"inode":18446744073709551616})",
          R"({"path":"/a","path":"/b","device":1,"inode":2})",
          R"({"path":"/a\u0000","device":1,"inode":2})"}) {
        EXPECT_FALSE(with(entry)) << entry;
    }
}

TEST(StateFile, WithADamagedRemovalIsRefused) {
    const auto with = [&](const std::string& entry) {
        return parse_state(R"({"version":1,"regions":[],"removals":[)" + entry + "]}");
    };
    EXPECT_TRUE(with(R"({"vm":"v","uuid":"u","device":"d","region":"r","removeRegion":true})"));
    for (const char* entry :
         {"null", "{}", R"({"uuid":"u","device":"d","region":"r","removeRegion":true})",
          R"({"vm":"v","device":"d","region":"r","removeRegion":true})",
          R"({"vm":"v","uuid":"u","region":"r","removeRegion":true})",
          R"({"vm":"v","uuid":"u","device":"d","region":"r"})",
          R"({"vm":"v","uuid":"u","device":"d","removeRegion":true})",
          R"({"vm":"v","uuid":"u","device":"d","region":"../r","removeRegion":true})",
          R"({"vm":"","uuid":"u","device":"d","region":"r","removeRegion":true})",
          R"({"vm":"../v","uuid":"u","device":"d","region":"r","removeRegion":true})",
          R"({"vm":"v","uuid":"u","device":"","region":"r","removeRegion":true})",
          R"({"vm":"v","uuid":1,"device":"d","region":"r","removeRegion":true})",
          R"({"vm":"v","uuid":"u","device":"d","region":"r","removeRegion":1})"}) {
        EXPECT_FALSE(with(entry)) << entry;
    }
}

TEST(StateFile, WithADamagedDeclaredDeviceIsRefused) {
    const auto with = [&](const std::string& entry) {
        return parse_state(R"({"version":1,"regions":[],"removals":[],"declared":[)" + entry +
                           "]}");
    };
    EXPECT_TRUE(with(R"({"vm":"v","device":"d","run":"","fate":"away"})"));
    EXPECT_TRUE(with(R"({"vm":"v","device":"d","run":"r","fate":"none","model":"ivshmem"})"));
    for (const char* entry :
         {"null", "{}", R"({"vm":"../v","device":"d","run":"","fate":"away"})",
          R"({"vm":"v","device":"","run":"","fate":"away"})",
          R"({"vm":"v","device":"d","fate":"away"})",
          R"({"vm":"v","device":"d","run":"","fate":"lost"})",
          R"({"vm":"v","device":"d","run":"","fate":"none","model":"ivshmem-flat"})",
          R"({"vm":"v","device":"d","run":"","fate":"none","model":1})"}) {
        EXPECT_FALSE(with(entry)) << entry;
    }
}

TEST(StateFile, IsNotReadDeeperThanItIsWritten) {
    const std::string bomb(100'000, '[');
    EXPECT_FALSE(parse_state(bomb));
    EXPECT_FALSE(parse_state(R"({"version":1,"regions":[],"removals":[],"more":)" + bomb));
}

}  // namespace
}  // namespace ivshmemd
