#include "proto/varlink/type_check.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "proto/varlink/idl_parser.h"

namespace ivshmemd::varlink {
namespace {

using nlohmann::json;

constexpr std::string_view interface_text = R"(interface a.b
type Role (master, peer)
type Spec (name: string, role: Role, tags: ?[]string)
method M(
  name: string,
  size: ?int,
  flag: ?bool,
  ratio: ?float,
  role: ?Role,
  spec: ?Spec,
  specs: ?[]Spec,
  labels: ?[string]int,
  raw: ?object,
  inline: ?(kind: (on, off)),
  next: ?[](x: int)
) -> ()
)";

const Interface& interface() {
    static const auto parsed = parse_interface(interface_text);
    return *parsed;
}

/// The offence in these parameters of M, or "" when they fit.
std::string offence(std::string_view parameters,
                    EmptyStrings empty_strings = EmptyStrings::allowed) {
    const json object = json::parse(parameters);
    return check(interface(), find_method(interface(), "M")->in, object, empty_strings)
        .value_or("");
}

TEST(TypeCheck, AcceptsEveryKindOfValue) {
    EXPECT_EQ(offence(R"({"name":"a","size":-3,"flag":false,"ratio":0.5,"role":"peer",
                          "spec":{"name":"b","role":"master","tags":[]},
                          "specs":[{"name":"c","role":"peer","tags":["x","y"]}],
                          "labels":{"any key":1},"raw":{"a":[null,1.5]},
                          "inline":{"kind":"on"},"next":[{"x":1},{"x":2}]})"),
              "");
}

TEST(TypeCheck, TakesMissingAndNullForTheSameThing) {
    EXPECT_EQ(offence(R"({"name":"a"})"), "");
    EXPECT_EQ(offence(R"({"name":"a","size":null,"specs":null,"spec":null})"), "");
    EXPECT_EQ(offence(R"({})"), "name");
    EXPECT_EQ(offence(R"({"name":null})"), "name");
}

struct Checked {
    std::string_view parameters;
    std::string_view expected;
};

TEST(TypeCheck, NamesTheOffence) {
    const std::vector<Checked> table{
        {R"({"name":1})", "name"},
        {R"({"name":"a","size":"1"})", "size"},
        {R"({"name":"a","size":true})", "size"},
        {R"({"name":"a","flag":1})", "flag"},
        {R"({"name":"a","flag":"true"})", "flag"},
        {R"({"name":"a","ratio":"1"})", "ratio"},
        {R"({"name":"a","role":"Peer"})", "role"},
        {R"({"name":"a","role":""})", "role"},
        {R"({"name":"a","role":1})", "role"},
        {R"({"name":"a","spec":[]})", "spec"},
        {R"({"name":"a","spec":{}})", "spec.name"},
        {R"({"name":"a","spec":{"name":"b","role":"no"}})", "spec.role"},
        {R"({"name":"a","spec":{"name":"b","role":"peer","slot":1}})", "spec.slot"},
        {R"({"name":"a","specs":{}})", "specs"},
        {R"({"name":"a","specs":[null]})", "specs[0]"},
        {R"({"name":"a","specs":[{"name":"b","role":"peer"},{"name":"c"}]})", "specs[1].role"},
        {R"({"name":"a","spec":{"name":"b","role":"peer","tags":["x",2]}})", "spec.tags[1]"},
        {R"({"name":"a","labels":[]})", "labels"},
        {R"({"name":"a","labels":{"x":1,"y":null}})", "labels.y"},
        {R"({"name":"a","raw":[]})", "raw"},
        {R"({"name":"a","raw":"x"})", "raw"},
        {R"({"name":"a","inline":{"kind":"maybe"}})", "inline.kind"},
        {R"({"name":"a","next":[{"x":1},{"x":"2"}]})", "next[1].x"},
    };
    for (const Checked& row : table)
        EXPECT_EQ(offence(row.parameters), row.expected) << row.parameters;
}

TEST(TypeCheck, NamesAnUnknownMemberBeforeAMissingOne) {
    EXPECT_EQ(offence(R"({"nmae":"a"})"), "nmae");
    EXPECT_EQ(offence(R"({"name":"a","Size":1})"), "Size");
    EXPECT_EQ(offence(R"({"name":"a","extra":null})"), "extra");
}

TEST(TypeCheck, WantsWholeNumbersOfSixtyFourBits) {
    EXPECT_EQ(offence(R"({"name":"a","size":9223372036854775807})"), "");
    EXPECT_EQ(offence(R"({"name":"a","size":-9223372036854775808})"), "");
    for (const std::string_view number :
         {"9223372036854775808", "18446744073709551615", "18446744073709551616",
          "-9223372036854775809", "1.0", "1e3", "0.5"}) {
        EXPECT_EQ(offence(R"({"name":"a","size":)" + std::string(number) + "}"), "size") << number;
    }
}

TEST(TypeCheck, TakesAnyNumberForAFloat) {
    for (const std::string_view number : {"1", "-1", "1.5", "1e300", "18446744073709551615"}) {
        EXPECT_EQ(offence(R"({"name":"a","ratio":)" + std::string(number) + "}"), "") << number;
    }
}

TEST(TypeCheck, RefusesEmptyStringsOnlyWhenAsked) {
    EXPECT_EQ(offence(R"({"name":""})"), "");
    EXPECT_EQ(offence(R"({"name":""})", EmptyStrings::refused), "name");
    EXPECT_EQ(offence(R"({"name":"a","specs":[{"name":"","role":"peer"}]})", EmptyStrings::refused),
              "specs[0].name");
    EXPECT_EQ(offence(R"({"name":"a","raw":{"any":""}})", EmptyStrings::refused), "");
}

TEST(TypeCheck, DoesNotTakeAnotherValueForAnObject) {
    for (const std::string_view value : {"[]", "null", "1", "\"name\"", "true"}) {
        EXPECT_TRUE(check(interface(), find_method(interface(), "M")->in, json::parse(value)))
            << value;
    }
}

TEST(TypeCheck, FollowsATypeThatContainsItself) {
    const auto tree = parse_interface("interface a.b\ntype Node (value: int, next: ?Node)");
    ASSERT_TRUE(tree);
    const auto& node = std::get<StructType>(find_type(*tree, "Node")->definition);
    const auto good = json::parse(R"({"value":1,"next":{"value":2,"next":{"value":3}}})");
    EXPECT_FALSE(check(*tree, node, good));
    const auto bad = json::parse(R"({"value":1,"next":{"value":2,"next":{"value":"3"}}})");
    EXPECT_EQ(check(*tree, node, bad), "next.next.value");
}

}  // namespace
}  // namespace ivshmemd::varlink
