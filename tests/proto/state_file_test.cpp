#include "proto/state_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "tests/proto/left_out.h"

namespace ivshmemd {
namespace {

SavedState full_state() {
    SavedState state;
    state.regions = {{"/dev/shm/bus0", 26, 4711, "vm1/bus0"},
                     {"/dev/shm/changed", 26, 4712, "", 0600, 7},
                     {"/dev/shm/a\"b\\c", 0, 0},
                     {"/dev/shm/gr\xc3\xbc\xc3\x9f", UINT64_MAX, UINT64_MAX}};
    state.removals = {{"vm1", "00000000-0000-0000-0000-000000000000", "bus0", "bus0", true},
                      {"0.vm", "", "b", "", false, "17@1.2/3"}};
    DeviceSpec peer{"p", Model::plain, Role::peer, 4096, "r", {}, {}, {}, {}, "rp0", 0};
    DeviceSpec bell{"d", Model::legacy, Role::master, 8192, {}, "/s", 3, true, false, "pci.0", 31};
    state.migrations = {
        {"vm1", "0-0", MigrationPhase::detaching, "unix:/x", "", true, {peer, bell}},
        {"vm2", "", MigrationPhase::completed, "tcp:h:1", "vm3", false, {}}};
    state.declared = {{"vm1", "x", Model::legacy, DeclaredFate::attached, "17@1.2/3"},
                      {"vm1", "y", {}, DeclaredFate::away, ""},
                      {"0.vm", "x", Model::doorbell, DeclaredFate::none, "r"}};
    state.proofs = {{"vm1", "0-0", "17@1.2/3", "ivshmemd.d.mem", 26, 4242}};
    state.doorbells = {{"vm1", "0-0", "17@1.2/3", "d", {17, 29}}, {"0.vm", "", "", "e", {0, 0}}};
    state.changes = {{7, "vm1", "0-0", "17@1.2/3", {"x", "y"}, {peer}},
                     {UINT64_MAX, "0.vm", "", "", {}, {}}};
    return state;
}

/// The whole state of a file that has nothing to be left out.
std::optional<SavedState> whole(std::string_view text) {
    const Result<ReadState> read = parse_state(text);
    if (!read || !read->left_out.empty()) return std::nullopt;
    return read->state;
}

TEST(StateFile, IsReadBackAsItWasWritten) {
    for (const SavedState& state : {SavedState{}, full_state()}) {
        EXPECT_EQ(whole(spell_state(state)), state);
    }
}

TEST(StateFile, OfAnEarlierReleaseLacksWhatThatDidNotKnow) {
    const std::optional<SavedState> state = whole(R"({"version": 1, "regions": [], "removals": [
        {"vm":"v","uuid":"u","device":"d","region":"r","removeRegion":true}]})");
    ASSERT_TRUE(state);
    EXPECT_EQ(state->removals, (std::vector<RemovalIntent>{{"v", "u", "d", "r", true, ""}}));
    EXPECT_TRUE(state->migrations.empty());
    EXPECT_TRUE(state->declared.empty());
    EXPECT_TRUE(state->doorbells.empty());
    EXPECT_TRUE(state->proofs.empty());
    EXPECT_TRUE(state->changes.empty());
}

TEST(StateFile, KeepsEveryPhaseOfAMigration) {
    for (const MigrationPhase phase :
         {MigrationPhase::detaching, MigrationPhase::migrating, MigrationPhase::replugging,
          MigrationPhase::completed, MigrationPhase::held}) {
        SavedState state = full_state();
        state.migrations[0].phase = phase;
        const std::optional<SavedState> back = whole(spell_state(state));
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
    EXPECT_EQ(whole(text.substr(0, text.size() - 1)), state) << "without its line end";
}

TEST(StateFile, WithAnyByteCutOutYieldsNothingThatWasNotThereOrIsRefused) {
    SavedState state;
    state.regions = {{"/dev/shm/bus0", 26, 4711}};
    state.removals = {{"vm1", "", "bus0", "bus0", true}};
    const std::string text = spell_state(state);
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string damaged = text;
        damaged.erase(at, 1);
        const Result<ReadState> back = parse_state(damaged);
        if (!back) {
            EXPECT_EQ(back.error().kind, ErrorKind::internal);
            continue;
        }
        // A letter lost from a name is another name; never more entries than there were.
        EXPECT_LE(back->state.regions.size(), 1U);
        EXPECT_LE(back->state.removals.size(), 1U);
    }
}

TEST(StateFile, WithAnyByteReplacedDoesNoHarm) {
    const std::string text = spell_state(full_state());
    for (std::size_t at = 0; at < text.size(); ++at) {
        for (const char byte : {'\0', '\xff', '"', '}', '9'}) {
            std::string damaged = text;
            damaged[at] = byte;
            const Result<ReadState> back = parse_state(damaged);
            if (!back) continue;
            EXPECT_LE(back->state.regions.size(), full_state().regions.size());
            EXPECT_LE(back->state.removals.size(), 2U);
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
          R"({"version":true,"regions":[],"removals":[]})",
          R"({"version":1,"version":1,"regions":[],"removals":[]})"}) {
        const Result<ReadState> state = parse_state(text);
        ASSERT_FALSE(state) << text;
        EXPECT_EQ(state.error().kind, ErrorKind::internal);
        EXPECT_FALSE(state.error().message.empty());
    }
    EXPECT_TRUE(parse_state(R"({"version":1,"regions":[],"removals":[]})"));
}

TEST(StateFile, KeepsWhatReadsWellBesideWhatDoesNot) {
    const Result<ReadState> read = parse_state(R"({"version":1,
        "regions":[{"path":"/a","device":1,"inode":2}, 7, {"path":"/b","device":3,"inode":4}],
        "removals":[{"vm":"v"}, null,
                    {"vm":"v","uuid":"u","device":"d","region":"r","removeRegion":true}],
        "migrations":{},
        "declared":[{"vm":"v","device":"d","run":"","fate":"away"}],
        "doorbells":[{"vm":"v","uuid":"u","run":"r","device":"d","top":-1}]})");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->left_out, "1 region, 2 removals, all migrations, 1 doorbell");
    EXPECT_EQ(read->state.regions, (std::vector<CreatedRegion>{{"/a", 1, 2}, {"/b", 3, 4}}));
    EXPECT_EQ(read->state.removals, (std::vector<RemovalIntent>{{"v", "u", "d", "r", true, ""}}));
    EXPECT_TRUE(read->state.migrations.empty());
    EXPECT_EQ(read->state.declared.size(), 1U);
    EXPECT_TRUE(read->state.doorbells.empty());
}

TEST(StateFile, MissesTheListsThatItAlwaysHas) {
    EXPECT_EQ(left_out(R"({"version":1})"), "all regions, all removals");
    EXPECT_EQ(left_out(R"({"version":1,"regions":[]})"), "all removals");
    EXPECT_EQ(left_out(R"({"version":1,"regions":null,"removals":[]})"), "all regions");
    EXPECT_EQ(left_out(R"({"version":1,"regions":[],"removals":[],"declared":7})"),
              "all declared devices");
}

TEST(StateFile, IsNotReadDeeperThanItIsWritten) {
    const std::string bomb(100'000, '[');
    EXPECT_FALSE(parse_state(bomb));
    EXPECT_FALSE(parse_state(R"({"version":1,"regions":[],"removals":[],"more":)" + bomb));
}

}  // namespace
}  // namespace ivshmemd
