#include "proto/qmp/command.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

TEST(QmpCommand, EncodesOneLineWithTheIdLast) {
    const Command command("device_add", json{{"driver", "ivshmem-plain"}, {"id", "ivshmemd.a"}});
    EXPECT_EQ(encode(command, 7),
              "{\"execute\":\"device_add\","
              "\"arguments\":{\"driver\":\"ivshmem-plain\",\"id\":\"ivshmemd.a\"},\"id\":7}\n");
}

TEST(QmpCommand, LeavesAbsentArgumentsOut) {
    EXPECT_EQ(encode(Command("query-status"), 1), "{\"execute\":\"query-status\",\"id\":1}\n");
    EXPECT_EQ(encode(Command("query-status", json()), 1),
              "{\"execute\":\"query-status\",\"id\":1}\n");
}

TEST(QmpCommand, SendsAnEmptyArgumentsObjectAsGiven) {
    EXPECT_EQ(encode(Command("query-status", json::object()), 1),
              "{\"execute\":\"query-status\",\"arguments\":{},\"id\":1}\n");
}

TEST(QmpCommand, EncodesOutOfBandCommandsByTheirOwnVerb) {
    Command command("migrate-pause");
    command.oob = true;
    EXPECT_EQ(encode(command, 2), "{\"exec-oob\":\"migrate-pause\",\"id\":2}\n");
    EXPECT_EQ(command_object(command), json::parse(R"({"exec-oob": "migrate-pause"})"));
}

TEST(QmpCommand, EncodesTheLargestIdExactly) {
    EXPECT_EQ(encode(Command("stop"), INT64_MAX),
              "{\"execute\":\"stop\",\"id\":9223372036854775807}\n");
}

TEST(QmpCommand, StaysOneLineOfValidJsonWhateverTheStringsHold) {
    const std::string nasty = "\"},\"id\":9}\n{\r\t\\ \x01 \xff \xc3\xa9";
    const std::string line = encode(Command(nasty, json{{"mem-path", nasty}}), 3);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const json sent = json::parse(line, nullptr, false);
    ASSERT_TRUE(sent.is_object());
    EXPECT_EQ(sent.value("id", 0), 3);
    EXPECT_EQ(sent.size(), 3U);
    EXPECT_EQ(sent.value("execute", ""), "\"},\"id\":9}\n{\r\t\\ \x01 \xef\xbf\xbd \xc3\xa9");
}

TEST(QmpCommand, SpellsTextsAsItSpellsAnObject) {
    const std::string nasty = "\"},\"id\":9}\n{\r\t\\ \x01 \xff \xc3\xa9";
    EXPECT_EQ(Command::of_texts("qom-get", {{"path", nasty}, {"property", "type"}}),
              Command("qom-get", json{{"path", nasty}, {"property", "type"}}));
    EXPECT_EQ(Command::of_texts("device_del", {{"id", "a"}}),
              Command("device_del", json{{"id", "a"}}));
    EXPECT_EQ(Command::of_texts("stop", {}), Command("stop", json::object()));
}

TEST(QmpCommand, ShowsTheObjectItWouldSend) {
    const json arguments = json::parse(R"({"id": "ivshmemd.a.mem", "size": 4096, "share": true})");
    EXPECT_EQ(command_object(Command("object-add", arguments)),
              (json{{"execute", "object-add"}, {"arguments", arguments}}));
    EXPECT_EQ(command_object(Command("stop")), (json{{"execute", "stop"}}));
}

TEST(QmpCommand, ComparesByNameArgumentsAndBand) {
    const Command command("device_del", json{{"id", "a"}});
    EXPECT_EQ(command, Command("device_del", json{{"id", "a"}}));
    EXPECT_NE(command, Command("device_del", json{{"id", "b"}}));
    EXPECT_NE(command, Command("device_del"));
    Command oob = command;
    oob.oob = true;
    EXPECT_NE(command, oob);
}

}  // namespace
}  // namespace ivshmemd::qmp
