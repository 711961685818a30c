#include "proto/qmp/message.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/qmp/framer.h"

namespace ivshmemd::qmp {
namespace {

using namespace std::string_literals;

/// The message as T; fails the test and answers an empty one otherwise.
template <class T>
T parsed_as(std::string_view frame) {
    const Message message = parse_message(frame);
    if (const T* wanted = std::get_if<T>(&message)) return *wanted;
    const auto* malformed = std::get_if<Malformed>(&message);
    ADD_FAILURE() << "another kind of message, index " << message.index() << ": "
                  << (malformed ? malformed->reason : "");
    return {};
}

TEST(QmpMessage, ReadsTheGreeting) {
    const auto greeting = parsed_as<Greeting>(
        R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7},
            "package": "Debian 1:7.2"}, "capabilities": ["oob"]}})");
    EXPECT_EQ(greeting.version, (Version{7, 2, 22}));
    EXPECT_EQ(greeting.package, "Debian 1:7.2");
    EXPECT_TRUE(greeting.oob);
}

TEST(QmpMessage, ReadsAGreetingWithoutPackageOrOob) {
    for (const char* rest : {R"(, "package": ""}, "capabilities": [])", "}",
                             R"(}, "capabilities": ["later", 5, "OOB"])"}) {
        const auto greeting = parsed_as<Greeting>(
            R"({"QMP": {"version": {"qemu": {"micro": 0, "minor": 1, "major": 3})"s + rest + "}}");
        EXPECT_EQ(greeting.version, (Version{3, 1, 0}));
        EXPECT_EQ(greeting.package, "");
        EXPECT_FALSE(greeting.oob);
    }
}

TEST(QmpMessage, ReadsAReplyWithItsValue) {
    const auto reply = parsed_as<Reply>(R"({"return": [{"name": "iv0"}], "id": 12})");
    EXPECT_EQ(reply.id, (ReplyId{ReplyId::Kind::number, 12}));
    ASSERT_TRUE(reply.value);
    EXPECT_EQ(*reply.value, json::parse(R"([{"name": "iv0"}])"));
}

TEST(QmpMessage, ReadsAReturnedNullAsAValue) {
    const auto reply = parsed_as<Reply>(R"({"return": null, "id": 1})");
    ASSERT_TRUE(reply.value);
    EXPECT_TRUE(reply.value->is_null());
}

TEST(QmpMessage, ReadsAnError) {
    const auto error = parsed_as<ErrorReply>(
        R"({"id": 3, "error": {"class": "GenericError", "desc": "Bus 'x' not found"}})");
    EXPECT_EQ(error.id, (ReplyId{ReplyId::Kind::number, 3}));
    EXPECT_EQ(error.error_class, "GenericError");
    EXPECT_EQ(error.description, "Bus 'x' not found");
}

TEST(QmpMessage, TellsAnErrorWithoutIdFromOneWithAForeignId) {
    const std::string error = R"({"error": {"class": "GenericError", "desc": "JSON parse error"})";
    EXPECT_EQ(parsed_as<ErrorReply>(error + "}").id.kind, ReplyId::Kind::absent);
    EXPECT_EQ(parsed_as<ErrorReply>(error + R"(, "id": "x"})").id.kind, ReplyId::Kind::foreign);
}

TEST(QmpMessage, ReadsAnEvent) {
    const auto event = parsed_as<Event>(
        R"({"timestamp": {"seconds": 1, "microseconds": 2}, "event": "DEVICE_DELETED",
            "data": {"device": "iv0", "path": "/machine/peripheral/iv0"}})");
    EXPECT_EQ(event.name, "DEVICE_DELETED");
    ASSERT_TRUE(event.data);
    EXPECT_EQ(event.data->value("device", ""), "iv0");
}

TEST(QmpMessage, ReadsAnEventWithoutData) {
    const auto event = parsed_as<Event>(R"({"event": "STOP"})");
    EXPECT_EQ(event.name, "STOP");
    EXPECT_FALSE(event.data);
}

TEST(QmpMessage, IgnoresUnknownMembers) {
    EXPECT_EQ(parsed_as<Reply>(R"({"return": {}, "id": 1, "later": {"x": []}})").id.number, 1U);
}

TEST(QmpMessage, KeepsPartsAliveWithoutTheWhole) {
    Document kept;
    {
        const Message message =
            parse_message(R"({"return": {"text": "a long string, on the heap"}})");
        kept = std::get<Reply>(message).value;
    }
    EXPECT_EQ(kept->value("text", ""), "a long string, on the heap");
}

struct IdCase {
    const char* text;
    ReplyId id;
};

TEST(QmpMessage, TakesOnlyIntegersBelow2To63ForIds) {
    using Kind = ReplyId::Kind;
    const IdCase cases[] = {
        {"0", {Kind::number, 0}},
        {"1", {Kind::number, 1}},
        {"9223372036854775807", {Kind::number, INT64_MAX}},
        {"9223372036854775808", {Kind::foreign, 0}},
        {"18446744073709551615", {Kind::foreign, 0}},
        {"18446744073709551616", {Kind::foreign, 0}},
        {"1.8446744073709552e+19", {Kind::foreign, 0}},
        {"-1", {Kind::foreign, 0}},
        {"1.0", {Kind::foreign, 0}},
        {"true", {Kind::foreign, 0}},
        {"\"1\"", {Kind::foreign, 0}},
        {"null", {Kind::foreign, 0}},
        {"[1]", {Kind::foreign, 0}},
        {"{\"id\": 1}", {Kind::foreign, 0}},
    };
    for (const IdCase& c : cases) {
        SCOPED_TRACE(c.text);
        EXPECT_EQ(parsed_as<Reply>(R"({"return": {}, "id": )"s + c.text + "}").id, c.id);
        EXPECT_EQ(parsed_as<ErrorReply>(R"({"error": {"class": "C", "desc": "d"}, "id": )"s +
                                        c.text + "}")
                      .id,
                  c.id);
    }
    EXPECT_EQ(parsed_as<Reply>(R"({"return": {}})").id, ReplyId{});
}

std::string nested_return(int levels) {
    const auto count = static_cast<std::size_t>(levels);
    return "{\"return\": " + std::string(count, '[') + std::string(count, ']') + "}";
}

TEST(QmpMessage, RefusesWhatIsNoMessage) {
    const std::string frames[] = {
        "",
        "{}",
        "[]",
        "5",
        R"({"id": 1})",
        R"({"return": {}, "error": {"class": "C", "desc": "d"}, "id": 1})",
        R"({"return": {}, "event": "STOP"})",
        R"({"QMP": {}, "return": {}})",
        R"({"QMP": {}})",
        R"({"QMP": []})",
        R"({"QMP": {"version": {"qemu": {"micro": 0, "minor": 1}}}})",
        R"({"QMP": {"version": {"qemu": {"micro": 0, "minor": 1, "major": "3"}}}})",
        R"({"QMP": {"version": {"qemu": {"micro": 0, "minor": 1, "major": -3}}}})",
        R"({"QMP": {"version": {"qemu": {"micro": 0, "minor": 1, "major": 4294967299}}}})",
        R"({"error": "text", "id": 1})",
        R"({"error": {"desc": "d"}, "id": 1})",
        R"({"error": {"class": "C", "desc": 5}, "id": 1})",
        R"({"event": 5})",
        R"({"event": "STOP", "data": []})",
        R"({"event": "STOP", "data": null})",
        R"({"return": {}, "id": 1, "id": 2})",
        R"({"return": {"a": 1, "a": 2}, "id": 1})",
        R"({"return": {}, "id": 1} x)",
        R"({"return": {}, "id": 1}{})",
        "{\"return\": {}}\0{}"s,
        "{\"return\": \"\xff\"}",
        R"({"return": "\ud800"})",
        nested_return(128),
        nested_return(1'000'000),
        "{\"return\": \"" + std::string(max_frame_bytes, 'x') + "\"}",
    };
    for (const std::string& frame : frames) {
        SCOPED_TRACE(frame.substr(0, 100));
        EXPECT_FALSE(parsed_as<Malformed>(frame).reason.empty());
    }
}

TEST(QmpMessage, TakesTheDeepestAllowedAndAMebibyte) {
    EXPECT_TRUE(parsed_as<Reply>(nested_return(127)).value);
    const std::string text(std::size_t{1} << 20, 'x');
    const auto reply = parsed_as<Reply>("{\"return\": \"" + text + "\"}");
    ASSERT_TRUE(reply.value);
    EXPECT_EQ(*reply.value, text);
}

}  // namespace
}  // namespace ivshmemd::qmp
