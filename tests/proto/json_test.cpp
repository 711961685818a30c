#include "proto/json.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

namespace ivshmemd {
namespace {

using namespace std::string_literals;

constexpr JsonLimits strict{
    .max_bytes = 65536, .max_depth = 64, .refuse_duplicates = true, .refuse_nul = true};
constexpr JsonLimits lax{
    .max_bytes = 65536, .max_depth = 64, .refuse_duplicates = false, .refuse_nul = false};

std::string repeated(std::string_view piece, std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text.append(piece);
    return text;
}

std::string nested(std::size_t levels) {
    return repeated("[", levels) + repeated("]", levels);
}

bool is_printable_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

TEST(Json, ParsesOneValueOfEachType) {
    for (const char* text : {"null", "true", "-7", "1.5", "\"x\"", "[1,[2]]", "{\"a\":{\"b\":[]}}",
                             " \r\n\t{ \"a\" : 1 }\n"}) {
        SCOPED_TRACE(text);
        const ParsedJson parsed = parse_json(text, strict);
        ASSERT_TRUE(parsed) << parsed.detail;
        ASSERT_TRUE(parsed.value);
        EXPECT_EQ(*parsed.value, json::parse(text));
        EXPECT_EQ(parsed.detail, "");
    }
}

struct HostileText {
    const char* name;
    std::string text;
    JsonFault fault;
};

class JsonHostile : public testing::TestWithParam<HostileText> {};

TEST_P(JsonHostile, IsRefusedWithItsFaultAndAPrintableDetail) {
    const ParsedJson parsed = parse_json(GetParam().text, strict);
    EXPECT_EQ(parsed.fault, GetParam().fault) << parsed.detail;
    EXPECT_FALSE(parsed);
    EXPECT_FALSE(parsed.value);
    EXPECT_FALSE(parsed.detail.empty());
    EXPECT_LT(parsed.detail.size(), 1000U);
    EXPECT_TRUE(is_printable_ascii(parsed.detail)) << parsed.detail;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, JsonHostile,
    testing::Values(
        HostileText{"Nothing", "", JsonFault::malformed},
        HostileText{"OnlyBlanks", " \n", JsonFault::malformed},
        HostileText{"Truncated", R"({"a":)", JsonFault::malformed},
        HostileText{"TwoValues", "{}{}", JsonFault::malformed},
        HostileText{"TrailingComma", "[1,]", JsonFault::malformed},
        HostileText{"Comment", "{}/**/", JsonFault::malformed},
        HostileText{"NotANumber", "NaN", JsonFault::malformed},
        HostileText{"NumberBeyondDouble", "1e999", JsonFault::malformed},
        HostileText{"LeadingZero", "01", JsonFault::malformed},
        HostileText{"ControlCharacter", "\"a\nb\"", JsonFault::malformed},
        HostileText{"HiddenSecondObject", "{}\0{\"x\":1}"s, JsonFault::malformed},
        HostileText{"NulAtTheEnd", "{}\0"s, JsonFault::malformed},
        HostileText{"NulAlone", "\0"s, JsonFault::malformed},
        HostileText{"NulInsideString", "\"a\0b\""s, JsonFault::malformed},
        HostileText{"EscapedNulInString", R"({"a":["x\u0000y"]})", JsonFault::nul_character},
        HostileText{"EscapedNulInKey", R"({"a\u0000b":1})", JsonFault::nul_character},
        HostileText{"InvalidByte", "\"\xff\"", JsonFault::malformed},
        HostileText{"InvalidByteInKey", "{\"\xff\":1}", JsonFault::malformed},
        HostileText{"OverlongSlash", "\"\xc0\xaf\"", JsonFault::malformed},
        HostileText{"SurrogateInUtf8", "\"\xed\xa0\x80\"", JsonFault::malformed},
        HostileText{"BeyondUnicode", "\"\xf4\x90\x80\x80\"", JsonFault::malformed},
        HostileText{"CutCharacter", "\"\xe2\x82\"", JsonFault::malformed},
        HostileText{"LoneHighSurrogate", R"("\ud800")", JsonFault::malformed},
        HostileText{"LoneLowSurrogate", R"("\udc00")", JsonFault::malformed},
        HostileText{"ReversedSurrogates", R"("\udc00\ud800")", JsonFault::malformed},
        HostileText{"DuplicateKey", R"({"a":1,"b":2,"a":1})", JsonFault::duplicate_key},
        HostileText{"DuplicateKeySpeltOtherwise", R"({"a":1,"\u0061":2})",
                    JsonFault::duplicate_key},
        HostileText{"DuplicateEmptyKey", R"({"":1,"":2})", JsonFault::duplicate_key},
        HostileText{"DuplicateUnprintableKey",
                    R"({"\u001b\u007f\n\u00e9":1,"\u001b\u007f\n\u00e9":2})",
                    JsonFault::duplicate_key},
        HostileText{"DuplicateDeepInside", R"([{"a":{"b":1,"c":[],"b":2}}])",
                    JsonFault::duplicate_key},
        HostileText{"DuplicateAfterANestedObject", R"({"a":{"x":1},"a":2})",
                    JsonFault::duplicate_key},
        HostileText{
            "DuplicateLongKey",
            "{\"" + repeated("\u00e9", 9000) + "\":1,\"" + repeated("\u00e9", 9000) + "\":1}",
            JsonFault::duplicate_key},
        HostileText{"OneLevelTooDeep", nested(65), JsonFault::too_deep},
        HostileText{"TooDeepInObjects", repeated(R"({"a":)", 65), JsonFault::too_deep},
        HostileText{"TooDeepThenMalformed", repeated("[", 65) + "\xff", JsonFault::too_deep},
        HostileText{"OneByteTooLong", "\"" + repeated("x", 65535) + "\"", JsonFault::too_long}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Json, AcceptsExactlyTheLimits) {
    EXPECT_TRUE(parse_json(nested(64), strict));
    EXPECT_TRUE(parse_json("\"" + repeated("x", 65534) + "\"", strict));
    EXPECT_TRUE(parse_json(
        "[[],[],[[]]]",
        {.max_bytes = 12, .max_depth = 3, .refuse_duplicates = true, .refuse_nul = true}));
}

TEST(Json, AcceptsOneKeyInSeveralObjects) {
    EXPECT_TRUE(parse_json(R"([{"a":1},{"a":{"a":2}},{"A":3,"a":4}])", strict));
}

TEST(Json, NamesTheDuplicateKey) {
    EXPECT_EQ(parse_json(R"({"size":1,"size":2})", strict).key, "size");
    EXPECT_EQ(parse_json(R"({"a\n":1,"a\u000a":2})", strict).key, "a\n");
    EXPECT_EQ(parse_json("[", strict).key, "");
}

TEST(Json, LeavesDuplicatesAndNulsToTheLimits) {
    const ParsedJson duplicate = parse_json(R"({"a":1,"a":2})", lax);
    ASSERT_TRUE(duplicate) << duplicate.detail;
    EXPECT_EQ(as_int(find(*duplicate.value, "a")), 2);
    const ParsedJson nul = parse_json(R"(["a\u0000b"])", lax);
    ASSERT_TRUE(nul) << nul.detail;
    EXPECT_EQ(nul.value->front(), "a\0b"s);
}

TEST(Json, RefusesAMebibyteOfBracketsWithoutReadingItAll) {
    const std::string text = repeated("[", std::size_t{1} << 20);
    const JsonLimits limits{.max_bytes = std::size_t{16} << 20,
                            .max_depth = 128,
                            .refuse_duplicates = true,
                            .refuse_nul = false};
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) EXPECT_EQ(parse_json(text, limits).fault, JsonFault::too_deep);
    // A parser that builds first takes about a second for each.
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Json, DumpsOnOneLineAndReplacesInvalidBytes) {
    EXPECT_EQ(dump_json(json::parse(R"({"b": [1, null], "a": "x"})")), R"({"a":"x","b":[1,null]})");
    EXPECT_EQ(dump_json(json("a\xff z")), "\"a\xef\xbf\xbd z\"");
    EXPECT_EQ(dump_json(json("line\nend")), R"("line\nend")");
}

TEST(Json, QuotesAStringAsItWouldDumpIt) {
    for (const std::string& text :
         {std::string(), std::string("/machine/peripheral/x"), std::string("a \"quoted\" \\ one"),
          std::string("line\nend"), std::string("\x01\x7f"), std::string("gr\xc3\xbc\xc3\x9f"),
          std::string("torn \xc3"), std::string("nul \0 in it", 11)}) {
        std::string quoted = "{";
        append_quoted(quoted, text);
        EXPECT_EQ(quoted, "{" + dump_json(json(text)));
    }
}

TEST(Json, FindsMembersOfObjectsOnly) {
    const json object = json::parse(R"({"a": {"b": 1}, "n": null})");
    const json array = json::parse(R"(["a"])");
    const json text = "a";
    ASSERT_NE(find(object, "a"), nullptr);
    EXPECT_EQ(as_int(find(find(object, "a"), "b")), 1);
    ASSERT_NE(find(object, "n"), nullptr);
    EXPECT_TRUE(find(object, "n")->is_null());
    EXPECT_EQ(find(object, "A"), nullptr);
    EXPECT_EQ(find(find(object, "a"), "c"), nullptr);
    EXPECT_EQ(find(array, "a"), nullptr);
    EXPECT_EQ(find(text, "a"), nullptr);
    EXPECT_EQ(find(nullptr, "a"), nullptr);
}

struct Reading {
    const char* text;
    std::optional<std::int64_t> as_int;
    std::optional<std::uint64_t> as_uint;
};

TEST(Json, ReadsIntegersOnlyWithinRange) {
    constexpr auto no = std::nullopt;
    const Reading readings[] = {
        {"0", 0, 0},
        {"-0", 0, 0},
        {"1", 1, 1},
        {"-1", -1, no},
        {"4294967297", 4294967297, 4294967297},
        {"9223372036854775807", INT64_MAX, INT64_MAX},
        {"9223372036854775808", no, 9223372036854775808U},
        {"18446744073709551615", no, UINT64_MAX},
        {"18446744073709551616", no, no},
        {"-9223372036854775808", INT64_MIN, no},
        {"-9223372036854775809", no, no},
        {"1.0", no, no},
        {"1e2", no, no},
        {"true", no, no},
        {"\"1\"", no, no},
        {"null", no, no},
        {"[1]", no, no},
        {"{}", no, no},
    };
    for (const Reading& reading : readings) {
        SCOPED_TRACE(reading.text);
        const ParsedJson parsed = parse_json(reading.text, strict);
        ASSERT_TRUE(parsed) << parsed.detail;
        EXPECT_EQ(as_int(parsed.value.get()), reading.as_int);
        EXPECT_EQ(as_uint(parsed.value.get()), reading.as_uint);
    }
}

TEST(Json, ReadsIntegersThatWereSetAndNotParsed) {
    const json five = 5;
    const json minus = -5;
    const json largest = UINT64_MAX;
    EXPECT_EQ(as_int(&five), 5);
    EXPECT_EQ(as_uint(&five), 5U);
    EXPECT_EQ(as_uint(&minus), std::nullopt);
    EXPECT_EQ(as_int(&largest), std::nullopt);
}

TEST(Json, ReadsTheOtherTypesStrictly) {
    const json all = json::parse(R"({"t": true, "s": "", "one": 1, "a": [], "o": {}, "n": null})");
    EXPECT_EQ(as_bool(find(all, "t")), true);
    EXPECT_EQ(as_bool(find(all, "one")), std::nullopt);
    EXPECT_EQ(as_bool(find(all, "n")), std::nullopt);
    ASSERT_NE(as_string(find(all, "s")), nullptr);
    EXPECT_EQ(*as_string(find(all, "s")), "");
    EXPECT_EQ(as_string(find(all, "one")), nullptr);
    EXPECT_EQ(as_string(find(all, "n")), nullptr);
    EXPECT_EQ(as_array(find(all, "a")), find(all, "a"));
    EXPECT_EQ(as_array(find(all, "o")), nullptr);
    EXPECT_EQ(as_object(find(all, "o")), find(all, "o"));
    EXPECT_EQ(as_object(find(all, "a")), nullptr);
}

TEST(Json, ReadsNothingFromNull) {
    EXPECT_EQ(as_int(nullptr), std::nullopt);
    EXPECT_EQ(as_uint(nullptr), std::nullopt);
    EXPECT_EQ(as_bool(nullptr), std::nullopt);
    EXPECT_EQ(as_string(nullptr), nullptr);
    EXPECT_EQ(as_array(nullptr), nullptr);
    EXPECT_EQ(as_object(nullptr), nullptr);
}

TEST(Json, ReadsNoNumberThatDoesNotFit) {
    const auto read = [](auto number, const char* text) {
        const ParsedJson parsed = parse_json(text, {100, 4, true, true});
        return as_number<decltype(number)>(parsed.value.get());
    };
    EXPECT_EQ(read(0, "-1"), -1);
    EXPECT_EQ(read(0, "2147483647"), 2147483647);
    EXPECT_EQ(read(0u, "4294967295"), 4294967295u);
    EXPECT_EQ(read(std::uint64_t{0}, "18446744073709551615"), UINT64_MAX);
    for (const char* text :
         {"2147483648", "4294967295", "4294967296", "9223372036854775808", "18446744073709551616",
          "1e300", "-1e300", "1.0", "-2147483649", "\"1\"", "true", "null", "[]"}) {
        EXPECT_EQ(read(0, text), std::nullopt) << text;
    }
    for (const char* text : {"-1", "4294967296", "9223372036854775808", "1e300", "0.0"}) {
        EXPECT_EQ(read(0u, text), std::nullopt) << text;
    }
    EXPECT_EQ(as_number<int>(nullptr), std::nullopt);
}

}  // namespace
}  // namespace ivshmemd
