#include "proto/varlink/message.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "proto/varlink/framing.h"

namespace ivshmemd::varlink {
namespace {

using Kind = CallFault::Kind;

std::string repeat(std::string_view text, std::size_t times) {
    std::string result;
    for (std::size_t i = 0; i < times; ++i) result += text;
    return result;
}

/// A call whose parameter "a" is nested so that the whole message has this many levels.
std::string call_of_depth(std::size_t levels) {
    return R"({"method":"a.b.C","parameters":{"a":)" + repeat("[", levels - 2) +
           repeat("]", levels - 2) + "}}";
}

TEST(VarlinkCall, SplitsTheMethodAtItsLastDot) {
    const auto call = parse_call(R"({"method":"io.ivshmemd.Hotplug.Attach"})");
    ASSERT_TRUE(call);
    EXPECT_EQ(call->interface, "io.ivshmemd.Hotplug");
    EXPECT_EQ(call->method, "Attach");
}

TEST(VarlinkCall, TakesAMethodWithoutADotForAnInterface) {
    const auto call = parse_call(R"({"method":"Attach"})");
    ASSERT_TRUE(call);
    EXPECT_EQ(call->interface, "Attach");
    EXPECT_EQ(call->method, "");
}

TEST(VarlinkCall, ReadsParametersAndFlags) {
    const auto call =
        parse_call(R"({"method":"a.b.C","parameters":{"vm":"x","size":4096},"more":true})");
    ASSERT_TRUE(call);
    EXPECT_EQ(*call->parameters, json::parse(R"({"vm":"x","size":4096})"));
    EXPECT_TRUE(call->more);
    EXPECT_FALSE(call->oneway);
    EXPECT_FALSE(call->upgrade);
}

TEST(VarlinkCall, TakesMissingAndNullParametersForAnEmptyObject) {
    for (const std::string_view text :
         {R"({"method":"a.b.C"})", R"({"method":"a.b.C","parameters":null})",
          R"({"method":"a.b.C","parameters":{}})"}) {
        const auto call = parse_call(text);
        ASSERT_TRUE(call) << text;
        EXPECT_EQ(*call->parameters, json::object()) << text;
    }
}

TEST(VarlinkCall, ReadsOnewayAndUpgrade) {
    const auto oneway = parse_call(R"({"method":"a.b.C","oneway":true,"more":false})");
    ASSERT_TRUE(oneway);
    EXPECT_TRUE(oneway->oneway);
    const auto upgrade = parse_call(R"({"method":"a.b.C","upgrade":true})");
    ASSERT_TRUE(upgrade);
    EXPECT_TRUE(upgrade->upgrade);
}

TEST(VarlinkCall, AcceptsWhitespaceAroundTheObject) {
    EXPECT_TRUE(parse_call(" \n{\"method\" : \"a.b.C\"}\r\n"));
}

TEST(VarlinkCall, IgnoresVendorFields) {
    EXPECT_TRUE(parse_call(R"({"method":"a.b.C","com.example.trace":{"id":7}})"));
}

struct BadCall {
    const char* what;
    std::string text;
};

TEST(VarlinkCall, TellsViolationsOfTheProtocol) {
    const std::vector<BadCall> table{
        {"empty", ""},
        {"only blanks", "  \n"},
        {"not JSON", "GET / HTTP/1.1"},
        {"cut off", R"({"method":"a.b.C")"},
        {"two texts", R"({"method":"a.b.C"}{"method":"a.b.C"})"},
        {"NUL inside", std::string("{\"method\":\"a.b.C\"}\0 ", 21)},
        {"not UTF-8", "{\"method\":\"a.b.C\xff\"}"},
        {"lone surrogate", R"({"method":"a.b.C","parameters":{"a":"\ud800"}})"},
        {"no number", R"({"method":"a.b.C","parameters":{"a":NaN}})"},
        {"number out of range", R"({"method":"a.b.C","parameters":{"a":1e400}})"},
        {"null", "null"},
        {"array", R"([{"method":"a.b.C"}])"},
        {"string", R"("a.b.C")"},
        {"no method", R"({"parameters":{}})"},
        {"empty object", "{}"},
        {"empty method", R"({"method":""})"},
        {"null method", R"({"method":null})"},
        {"method no string", R"({"method":["a.b.C"]})"},
        {"U+0000 in the method", R"({"method":"a.b.C\u0000"})"},
        {"parameters array", R"({"method":"a.b.C","parameters":[]})"},
        {"parameters string", R"({"method":"a.b.C","parameters":"vm"})"},
        {"parameters false", R"({"method":"a.b.C","parameters":false})"},
        {"more no boolean", R"({"method":"a.b.C","more":1})"},
        {"more string", R"({"method":"a.b.C","more":"true"})"},
        {"oneway null", R"({"method":"a.b.C","oneway":null})"},
        {"upgrade object", R"({"method":"a.b.C","upgrade":{}})"},
        {"oneway and more", R"({"method":"a.b.C","oneway":true,"more":true})"},
        {"unknown member", R"({"method":"a.b.C","id":1})"},
        {"member of a reply", R"({"method":"a.b.C","continues":true})"},
        {"method twice", R"({"method":"a.b.C","method":"a.b.D"})"},
        {"parameters twice", R"({"method":"a.b.C","parameters":{},"parameters":{}})"},
        {"full parameters twice", R"({"method":"a.b.C","parameters":{"a":1},"parameters":{}})"},
        {"more twice", R"({"method":"a.b.C","more":true,"more":true})"},
        {"vendor field with a key twice", R"({"method":"a.b.C","com.a":{"x":1,"x":2}})"},
        {"U+0000 in a parameter's name", R"({"method":"a.b.C","parameters":{"a\u0000":1}})"},
        {"deep array of parameters",
         R"({"method":"a.b.C","parameters":)" + repeat("[", 70) + repeat("]", 70) + "}"},
        {"deep vendor field",
         R"({"method":"a.b.C","com.a":)" + repeat("[", 70) + repeat("]", 70) + "}"},
        {"nothing but brackets", repeat("[", request_limit)},
        {"nothing but braces", repeat("{\"a\":", request_limit / 5)},
        {"too long",
         R"({"method":"a.b.C","parameters":{"a":")" + repeat("x", request_limit) + "\"}}"},
    };
    for (const BadCall& row : table) {
        const auto call = parse_call(row.text);
        ASSERT_FALSE(call) << row.what;
        EXPECT_EQ(call.error().kind, Kind::violation) << row.what;
        EXPECT_FALSE(call.error().reason.empty()) << row.what;
    }
}

TEST(VarlinkCall, PrefersTheViolationWhereAParameterIsFaultyToo) {
    const std::vector<BadCall> table{
        {"no method", R"({"parameters":{"a":1,"a":2}})"},
        {"bad flag", R"({"method":"a.b.C","parameters":{"a":1,"a":2},"more":0})"},
        {"method twice", R"({"parameters":{"a":1,"a":2},"method":"a.b.C","method":"a.b.C"})"},
        {"cut off", R"({"method":"a.b.C","parameters":{"a":1,"a":2})"},
    };
    for (const BadCall& row : table) {
        const auto call = parse_call(row.text);
        ASSERT_FALSE(call) << row.what;
        EXPECT_EQ(call.error().kind, Kind::violation) << row.what;
    }
}

struct BadParameter {
    const char* what;
    std::string parameters;
    std::string expected;
};

TEST(VarlinkCall, NamesTheFaultyParameter) {
    const std::vector<BadParameter> table{
        {"twice", R"({"vm":"a","size":1,"vm":"b"})", "vm"},
        {"twice, equal", R"({"vm":"a","vm":"a"})", "vm"},
        {"twice by an escape", R"({"vm":"a","\u0076m":"b"})", "vm"},
        {"named like a member of the call", R"({"method":1,"method":2})", "method"},
        {"named as the parameters are", R"({"parameters":1,"parameters":2})", "parameters"},
        {"a key twice inside", R"({"vm":"a","devices":[{"slot":1,"slot":2}]})", "devices"},
        {"the first of two", R"({"a":1,"b":1,"b":2,"a":2})", "b"},
        {"U+0000 in a string", R"({"vm":"a\u0000b"})", "vm"},
        {"U+0000 deeper", R"({"vm":"a","devices":[{"name":"\u0000"}]})", "devices"},
        {"too deep", R"({"vm":"a","devices":)" + repeat("[", 100) + repeat("]", 100) + "}",
         "devices"},
        {"far too deep", R"({"devices":)" + repeat("[", 30000) + repeat("]", 30000) + "}",
         "devices"},
        {"too deep in objects", R"({"x":)" + repeat(R"({"a":)", 90) + "1" + repeat("}", 90) + "}",
         "x"},
    };
    for (const BadParameter& row : table) {
        const auto call = parse_call(R"({"method":"a.b.C","parameters":)" + row.parameters + "}");
        ASSERT_FALSE(call) << row.what;
        EXPECT_EQ(call.error().kind, Kind::invalid_parameter) << row.what;
        EXPECT_EQ(call.error().parameter, row.expected) << row.what;
        EXPECT_FALSE(call.error().oneway) << row.what;
    }
}

TEST(VarlinkCall, TellsThatAFaultyCallWantsNoAnswer) {
    const auto call = parse_call(R"({"method":"a.b.C","parameters":{"a":1,"a":2},"oneway":true})");
    ASSERT_FALSE(call);
    EXPECT_EQ(call.error().kind, Kind::invalid_parameter);
    EXPECT_TRUE(call.error().oneway);
}

TEST(VarlinkCall, AllowsSixtyFourLevelsAndNoMore) {
    EXPECT_TRUE(parse_call(call_of_depth(64)));
    const auto deeper = parse_call(call_of_depth(65));
    ASSERT_FALSE(deeper);
    EXPECT_EQ(deeper.error().parameter, "a");
}

TEST(VarlinkCall, AllowsTheSameKeyInDifferentObjects) {
    EXPECT_TRUE(parse_call(
        R"({"method":"a.b.C","parameters":{"method":1,"devices":[{"name":"a"},{"name":"b"}]}})"));
}

TEST(VarlinkCall, KeepsTheReasonPrintableWhateverTheInput) {
    const std::vector<std::string> texts{
        "{\"\x01\xff", R"({"method":"a.b.C","parameters":{"\u001b[31m":1,"\u001b[31m":2}})",
        R"({"method":"a.b.C","\u001b[31m":2})"};
    for (const std::string& text : texts) {
        const auto call = parse_call(text);
        ASSERT_FALSE(call);
        for (const char byte : call.error().reason) {
            EXPECT_TRUE(byte >= ' ' && byte <= '~') << call.error().reason;
        }
    }
}

}  // namespace
}  // namespace ivshmemd::varlink
