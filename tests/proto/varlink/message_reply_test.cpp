#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "proto/varlink/framing.h"
#include "proto/varlink/message.h"

namespace ivshmemd::varlink {
namespace {

TEST(VarlinkReply, ReadsASuccess) {
    const auto reply = parse_reply(R"({"parameters":{"changed":true}})");
    ASSERT_TRUE(reply);
    EXPECT_EQ(*reply->parameters, json::parse(R"({"changed":true})"));
    EXPECT_FALSE(reply->continues);
    EXPECT_EQ(reply->error, "");
}

TEST(VarlinkReply, TakesMissingAndNullParametersForAnEmptyObject) {
    for (const std::string_view text : {"{}", R"({"parameters":null})"}) {
        const auto reply = parse_reply(text);
        ASSERT_TRUE(reply) << text;
        EXPECT_EQ(*reply->parameters, json::object()) << text;
    }
}

TEST(VarlinkReply, ReadsAnErrorAndAContinuedReply) {
    const auto error = parse_reply(R"({"error":"a.b.Bad","parameters":{"message":"no"}})");
    ASSERT_TRUE(error);
    EXPECT_EQ(error->error, "a.b.Bad");
    const auto part = parse_reply(R"({"parameters":{},"continues":true})");
    ASSERT_TRUE(part);
    EXPECT_TRUE(part->continues);
}

TEST(VarlinkReply, RefusesWhatIsNoReply) {
    for (const std::string_view text :
         {"", "[]", "null", R"({"parameters":[]})", R"({"error":null})", R"({"error":7})",
          R"({"error":""})", R"({"error":"a.b.Bad","continues":true})", R"({"continues":"yes"})",
          R"({"result":{}})", R"({"parameters":{"a":1,"a":2}})", R"({"parameters":{}}x)"}) {
        const auto reply = parse_reply(text);
        ASSERT_FALSE(reply) << text;
        EXPECT_FALSE(reply.error().message.empty()) << text;
    }
}

/// What an encoder wrote, without the NUL that has to end it.
std::string unframed(const std::string& bytes) {
    Framer framer(bytes.size());
    framer.feed(bytes);
    const auto message = framer.next();
    EXPECT_TRUE(message.has_value());
    EXPECT_FALSE(framer.has_partial());
    return message.value_or("");
}

TEST(VarlinkEncode, WritesRepliesThatReadBack) {
    const auto parameters = json::parse(R"({"vms":[{"name":"a"}]})");
    for (const bool continues : {false, true}) {
        const auto reply = parse_reply(unframed(encode_reply(parameters, continues)));
        ASSERT_TRUE(reply);
        EXPECT_EQ(*reply->parameters, parameters);
        EXPECT_EQ(reply->continues, continues);
    }
}

TEST(VarlinkEncode, WritesContinuesOnlyWhenTrue) {
    EXPECT_EQ(unframed(encode_reply(json::object())), R"({"parameters":{}})");
    EXPECT_EQ(unframed(encode_reply(nullptr, true)), R"({"parameters":{},"continues":true})");
}

TEST(VarlinkEncode, WritesErrorsThatReadBack) {
    const auto parameters = json::parse(R"({"message":"none","vm":"a"})");
    const auto reply = parse_reply(unframed(encode_error("io.ivshmemd.Hotplug.X", parameters)));
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->error, "io.ivshmemd.Hotplug.X");
    EXPECT_EQ(*reply->parameters, parameters);
}

TEST(VarlinkEncode, WritesCallsThatReadBack) {
    const auto parameters = json::parse(R"({"vm":"a\"b"})");
    const auto plain = parse_call(unframed(encode_call("a.b.C", parameters)));
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->interface, "a.b");
    EXPECT_EQ(*plain->parameters, parameters);
    EXPECT_FALSE(plain->more);
    const auto more = parse_call(unframed(encode_call("a.b.C", nullptr, {.more = true})));
    ASSERT_TRUE(more);
    EXPECT_TRUE(more->more);
    const auto oneway = parse_call(unframed(encode_call("a.b.C", nullptr, {.oneway = true})));
    ASSERT_TRUE(oneway);
    EXPECT_TRUE(oneway->oneway);
}

TEST(VarlinkEncode, ReplacesBytesThatAreNotUtf8) {
    const json parameters({{"description", "caf\xe9"}});
    const auto reply = parse_reply(unframed(encode_error("a.b.\xff", parameters)));
    ASSERT_TRUE(reply);
    EXPECT_EQ(*as_string(find(*reply->parameters, "description")), "caf\xef\xbf\xbd");
    EXPECT_EQ(reply->error, "a.b.\xef\xbf\xbd");
}

TEST(VarlinkEncode, NeverPutsANulInsideAMessage) {
    const json parameters({{"text", std::string("a\0b", 3)}});
    const std::string bytes = encode_reply(parameters);
    EXPECT_EQ(bytes.find('\0'), bytes.size() - 1);
    const auto reply = parse_reply(unframed(bytes));
    ASSERT_TRUE(reply) << "clients take no escaped one either";
    EXPECT_EQ(*as_string(find(*reply->parameters, "text")),
              "a\xef\xbf\xbd"
              "b");
}

TEST(VarlinkEncode, KeepsABackslashBeforeWhatLooksLikeAnEscape) {
    const json parameters({{"text", std::string("\\u0000\0\\", 8)}, {"\\", "\\\\u0000"}});
    const auto reply = parse_reply(unframed(encode_reply(parameters)));
    ASSERT_TRUE(reply);
    EXPECT_EQ(*as_string(find(*reply->parameters, "text")), "\\u0000\xef\xbf\xbd\\");
    EXPECT_EQ(*as_string(find(*reply->parameters, "\\")), "\\\\u0000");
}

}  // namespace
}  // namespace ivshmemd::varlink
