#include "daemon/libvirt/conversation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/json.h"

namespace ivshmemd::libvirt {
namespace {

using testing::HasSubstr;

json line(const std::string& text) {
    EXPECT_TRUE(text.ends_with("\r\n")) << text;
    return json::parse(text, nullptr, false);
}

class ConversationTest : public testing::Test {
  protected:
    void negotiate() { conversation_.take(R"({"execute":"qmp_capabilities"})"); }

    Conversation conversation_;
};

TEST_F(ConversationTest, BeginsWithNegotiation) {
    const Request early = conversation_.take(R"({"execute":"query-status","id":1})");
    EXPECT_EQ(line(early.answer)["error"]["class"], json("CommandNotFound"));
    EXPECT_EQ(line(early.answer)["id"], json(1));
    EXPECT_FALSE(conversation_.negotiated());
    const Request begun = conversation_.take(R"({"execute":"qmp_capabilities","id":"a"})");
    EXPECT_EQ(line(begun.answer), json({{"return", json::object()}, {"id", "a"}}));
    EXPECT_TRUE(conversation_.negotiated());
    const Request again = conversation_.take(R"({"execute":"qmp_capabilities"})");
    EXPECT_EQ(line(again.answer)["error"]["class"], json("CommandNotFound"));
}

TEST_F(ConversationTest, OffersNoCapabilities) {
    const Request asked =
        conversation_.take(R"({"execute":"qmp_capabilities","arguments":{"enable":["oob"]}})");
    EXPECT_EQ(line(asked.answer)["error"]["class"], json("GenericError"));
    EXPECT_FALSE(conversation_.negotiated());
}

TEST_F(ConversationTest, SendsCommandsOnWithoutTheirIds) {
    negotiate();
    const Request request = conversation_.take(
        R"({"execute":"qom-list","arguments":{"path":"/machine"},"id":{"any":[1,null]}})");
    EXPECT_TRUE(request.answer.empty());
    EXPECT_EQ(json::parse(request.command),
              json({{"execute", "qom-list"}, {"arguments", {{"path", "/machine"}}}}));
    EXPECT_EQ(request.name, "qom-list");
    EXPECT_EQ(line(answer_line(R"({"return":[],"id":"libvirt-7"})", request.id)),
              json({{"return", json::array()}, {"id", {{"any", {1, nullptr}}}}}));
}

TEST_F(ConversationTest, AnswersWhatIsNotPassedOn) {
    negotiate();
    const Request request = conversation_.take(R"({"execute":"quit","id":3})");
    EXPECT_EQ(line(request.answer)["error"]["class"], json("GenericError"));
    EXPECT_EQ(line(request.answer)["id"], json(3));
    EXPECT_THAT(request.refused, HasSubstr("quit"));
    EXPECT_TRUE(request.command.empty());
}

TEST_F(ConversationTest, AnswersWhatCannotBeRead) {
    negotiate();
    const std::string deep =
        R"({"execute":"qom-list","arguments":)" + std::string(40, '[') + std::string(40, ']') + "}";
    for (const std::string& frame :
         {std::string("{,}"), std::string("{}"), std::string(R"({"execute":1})"), deep,
          std::string(R"({"execute":"a","execute":"query-status"})"),
          std::string(R"({"exec-oob":"query-yank"})")}) {
        const Request request = conversation_.take(frame);
        EXPECT_EQ(line(request.answer)["error"]["class"], json("GenericError")) << frame;
    }
}

TEST(BridgeLines, GreetsWithTheVersionThatQemuTold) {
    const json greeting = line(greeting_line(
        R"({"return":{"qemu":{"micro":22,"minor":2,"major":7},"package":"Debian"},"id":"l"})"));
    EXPECT_EQ(greeting["QMP"]["version"]["qemu"]["major"], json(7));
    EXPECT_EQ(greeting["QMP"]["capabilities"], json::array());
    for (const char* none : {"", "{}", R"({"return":{}})", R"({"error":{}})"}) {
        EXPECT_EQ(greeting_line(none), "");
    }
}

TEST(BridgeLines, PassOnNoAnswerThatIsNone) {
    for (const char* none : {"", "{", R"({"event":"X"})", "[]"})
        EXPECT_EQ(answer_line(none, "1"), "");
}

TEST(BridgeLines, TellEventsAsQemuDoes) {
    EXPECT_EQ(line(event_line("DEVICE_DELETED", 12, 34, R"({"device":"d","path":"/p"})")),
              json({{"event", "DEVICE_DELETED"},
                    {"timestamp", {{"seconds", 12}, {"microseconds", 34}}},
                    {"data", {{"device", "d"}, {"path", "/p"}}}}));
    EXPECT_EQ(line(event_line("STOP", 1, 0, "")).count("data"), 0U);
}

TEST(BridgeLines, FindTheStatusOfAMigration) {
    EXPECT_EQ(migration_status("MIGRATION", R"({"status":"setup"})"), "setup");
    EXPECT_EQ(migration_status("MIGRATION", ""), "");
    EXPECT_EQ(migration_status("STOP", R"({"status":"setup"})"), "");
}

}  // namespace
}  // namespace ivshmemd::libvirt
