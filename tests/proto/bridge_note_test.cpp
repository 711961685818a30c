#include "proto/bridge_note.h"

#include <gtest/gtest.h>

namespace ivshmemd {
namespace {

TEST(BridgeNote, ReadsWhatItWrote) {
    BridgeNote note{.bridge = "b",
                    .uuid = "u",
                    .run = "4",
                    .uid = 64055,
                    .gid = 0,
                    .pid = 17,
                    .label = "libvirt-u (enforce)",
                    .held = "libvirt is \"saving\""};
    EXPECT_EQ(read_bridge_note(write_bridge_note(note)), note);
    note.uid.reset();
    note.gid.reset();
    note.pid.reset();
    note.label.clear();
    note.held.clear();
    EXPECT_EQ(read_bridge_note(write_bridge_note(note)), note);
}

TEST(BridgeNote, TakesNothingThatIsNone) {
    for (const std::string text :
         {"", "[]", "{}", R"({"bridge":"b","uuid":"u"})", R"({"bridge":1,"uuid":"u","run":"1"})",
          R"({"bridge":"b","uuid":"u","run":"1"} x)"}) {
        EXPECT_FALSE(read_bridge_note(text)) << text;
    }
    EXPECT_FALSE(read_bridge_note("{\"bridge\":\"b\",\"uuid\":\"u\",\"run\":\"" +
                                  std::string(5000, 'r') + "\"}"));
}

TEST(BridgeNote, LeavesOutNumbersThatAreNoIds) {
    for (const char* number : {"-1", "0", "1.5", "\"4\"", "99999999999", "true"}) {
        const auto note = read_bridge_note(
            std::string(R"({"bridge":"b","uuid":"u","run":"1","pid":)") + number + "}");
        ASSERT_TRUE(note) << number;
        EXPECT_FALSE(note->pid) << number;
    }
}

}  // namespace
}  // namespace ivshmemd
