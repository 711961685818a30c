#include "lib/hold.h"

#include <gtest/gtest.h>

#include <map>

namespace ivshmemd {
namespace {

using enum HoldPhase;
using enum HoldEvent;

constexpr std::array all_phases{taking, held, waiting, returning, back, left};
constexpr std::array all_events{taken, failed, ended, idle, busy, gone, returned};

// The way into each phase.
HoldStory story_in(HoldPhase phase) {
    static const std::map<HoldPhase, std::vector<HoldEvent>> ways{
        {taking, {}},
        {held, {taken}},
        {waiting, {taken, ended}},
        {returning, {taken, ended, idle}},
        {back, {taken, ended, idle, returned}},
        {left, {taken, ended, gone}}};
    HoldStory story;
    for (const HoldEvent event : ways.at(phase)) story.on(event);
    return story;
}

TEST(Hold, GoesOnByTheseEventsAndByNoOther) {
    const std::map<std::pair<HoldPhase, HoldEvent>, HoldPhase> moves{
        {{taking, taken}, held},      {{taking, failed}, back},      {{held, ended}, waiting},
        {{waiting, idle}, returning}, {{waiting, gone}, left},       {{returning, busy}, waiting},
        {{returning, gone}, left},    {{returning, returned}, back},
    };
    for (const HoldPhase phase : all_phases) {
        for (const HoldEvent event : all_events) {
            HoldStory story = story_in(phase);
            ASSERT_EQ(story.phase(), phase);
            story.on(event);
            const auto move = moves.find({phase, event});
            EXPECT_EQ(story.phase(), move == moves.end() ? phase : move->second)
                << static_cast<int>(phase) << " " << static_cast<int>(event);
        }
    }
}

TEST(Hold, OfAClientThatWentWhileTheGuestWasAskedEndsOnceTheDevicesAreOut) {
    HoldStory story;
    story.on(ended);
    EXPECT_EQ(story.phase(), taking);
    EXPECT_TRUE(story.ended());
    story.on(taken);
    EXPECT_EQ(story.phase(), waiting);
}

TEST(Hold, IsOverWhenTheDevicesAreBackOrTheVmHasLeft) {
    for (const HoldPhase phase : all_phases) {
        EXPECT_EQ(story_in(phase).over(), phase == back || phase == left);
    }
}

struct Sight {
    const char* run_state;
    const char* status;
    HoldEvent says;
};

// Migrations of libvirt, snapshots of snapshot-save and savevm, restores, and machines at rest.
TEST(HoldLook, TellsAMachineThatIsMovedOrSavedFromOneAtRest) {
    for (const Sight& each : {Sight{"running", "", idle},
                              {"paused", "", idle},
                              {"running", "cancelled", idle},
                              {"running", "failed", idle},
                              {"running", "completed", idle},
                              {"shutdown", "none", idle},
                              {"io-error", "", idle},
                              {"running", "setup", busy},
                              {"running", "active", busy},
                              {"paused", "active", busy},
                              {"paused", "pre-switchover", busy},
                              {"running", "cancelling", busy},
                              {"finish-migrate", "active", busy},
                              {"finish-migrate", "completed", busy},
                              {"save-vm", "", busy},
                              {"restore-vm", "", busy},
                              {"inmigrate", "", busy},
                              {"inmigrate", "setup", busy},
                              {"colo", "", busy},
                              {"postmigrate", "active", busy},
                              {"postmigrate", "completed", gone}}) {
        HoldLook look;
        look.connected = true;
        look.answers = true;
        look.run_state = each.run_state;
        look.status = each.status;
        EXPECT_EQ(judge_look(look), each.says) << each.run_state << " " << each.status;
        if (each.says != busy) continue;
        EXPECT_NE(why_busy(look), "");
    }
}

TEST(HoldLook, WaitsForAMachineThatCannotBeAskedAndGivesOneThatIsGoneUp) {
    HoldLook look;
    EXPECT_EQ(judge_look(look), busy);
    EXPECT_EQ(why_busy(look), "the VM is not connected");
    look.given_up = true;
    EXPECT_EQ(judge_look(look), gone);
    look = {};
    look.connected = true;
    EXPECT_EQ(judge_look(look), busy);
    EXPECT_EQ(why_busy(look), "its QEMU does not answer");
}

TEST(HoldLook, DoesNotTakeAnotherVmBehindTheSameMonitorForIt) {
    HoldLook look;
    look.connected = true;
    look.answers = true;
    look.run_state = "running";
    look.same_vm = false;
    EXPECT_EQ(judge_look(look), gone);
}

}  // namespace
}  // namespace ivshmemd
