#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "proto/varlink/idl_parser.h"

namespace ivshmemd::varlink {
namespace {

Result<Interface> parse_members(std::string_view members) {
    return parse_interface("interface a.b\n" + std::string(members));
}

/// The type of the only field of the only declared type, which has to be a struct.
Type parse_field_type(std::string_view type) {
    const auto parsed = parse_members("type T (f: " + std::string(type) + ")");
    EXPECT_TRUE(parsed) << type << ": " << (parsed ? "" : parsed.error().message);
    if (!parsed) return {};
    return std::get<StructType>(parsed->types.front().definition).fields.front().type;
}

TEST(Idl, ReadsEveryKindOfMember) {
    const auto parsed = parse_interface(
        "# About it.\n"
        "interface a.b\n"
        "type Mode (on, off)\n"
        "type Point (x: int, y: int)\n"
        "# Moves.\n"
        "# Twice.\n"
        "method Move(to: Point) -> (mode: Mode)\n"
        "error Stuck (why: string)\n"
        "error Gone ()");
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->name, "a.b");
    EXPECT_EQ(parsed->doc, "About it.");
    const auto& mode = std::get<EnumType>(find_type(*parsed, "Mode")->definition);
    EXPECT_EQ(mode.values, (std::vector<std::string>{"on", "off"}));
    const auto& point = std::get<StructType>(find_type(*parsed, "Point")->definition);
    ASSERT_EQ(point.fields.size(), 2U);
    EXPECT_EQ(point.fields[1].name, "y");
    EXPECT_EQ(std::get<Scalar>(point.fields[1].type.kind), Scalar::integer);
    const Method* move = find_method(*parsed, "Move");
    ASSERT_TRUE(move);
    EXPECT_EQ(move->doc, "Moves.\nTwice.");
    EXPECT_EQ(std::get<NamedType>(find_field(move->in, "to")->type.kind).name, "Point");
    EXPECT_EQ(std::get<NamedType>(find_field(move->out, "mode")->type.kind).name, "Mode");
    EXPECT_TRUE(find_field(find_error(*parsed, "Stuck")->parameters, "why"));
    EXPECT_TRUE(find_error(*parsed, "Gone")->parameters.fields.empty());
}

TEST(Idl, FindsNothingThatIsNotDeclared) {
    const auto parsed = parse_members("type Mode (on, off)\nmethod Move() -> ()");
    ASSERT_TRUE(parsed);
    EXPECT_FALSE(find_type(*parsed, "Move"));
    EXPECT_FALSE(find_method(*parsed, "Mode"));
    EXPECT_FALSE(find_method(*parsed, "move"));
    EXPECT_FALSE(find_error(*parsed, ""));
}

TEST(Idl, ReadsScalars) {
    EXPECT_EQ(std::get<Scalar>(parse_field_type("bool").kind), Scalar::boolean);
    EXPECT_EQ(std::get<Scalar>(parse_field_type("int").kind), Scalar::integer);
    EXPECT_EQ(std::get<Scalar>(parse_field_type("float").kind), Scalar::floating);
    EXPECT_EQ(std::get<Scalar>(parse_field_type("string").kind), Scalar::string);
    EXPECT_EQ(std::get<Scalar>(parse_field_type("object").kind), Scalar::object);
}

TEST(Idl, ReadsNullablesArraysAndMaps) {
    EXPECT_FALSE(parse_field_type("int").nullable);
    const Type type = parse_field_type("?[]int");
    EXPECT_TRUE(type.nullable);
    const auto& array = std::get<ArrayType>(type.kind);
    EXPECT_EQ(std::get<Scalar>(array.element->kind), Scalar::integer);
    EXPECT_FALSE(array.element->nullable);
    const Type map = parse_field_type("[string](a: int)");
    EXPECT_EQ(std::get<StructType>(std::get<MapType>(map.kind).element->kind).fields.size(), 1U);
}

TEST(Idl, ReadsInlineStructsAndEnums) {
    EXPECT_EQ(std::get<StructType>(parse_field_type("(a: int, b: (c: bool))").kind).fields.size(),
              2U);
    EXPECT_EQ(std::get<EnumType>(parse_field_type("?(one, two_b)").kind).values,
              (std::vector<std::string>{"one", "two_b"}));
}

TEST(Idl, AcceptsWhatOtherImplementationsAccept) {
    for (const std::string_view members : {
             "",
             "method M(a: int) -> (a: int)",
             "type A (b: B)\ntype B (c: int)",
             "type A (next: ?A)",
             "type A (\n  # a comment\n  a: int, # another\n  b: int # and one more\n)",
             "type A(a:int)type B(b:int)method M()->()error E()",
             "\r\n\tmethod M ( ) -> ( )\r\n",
             "method M() -> ()\n# the last words",
             "type Type (method: int, error: int, type: int, interface: int)",
             "type E (one)",
         }) {
        const auto parsed = parse_members(members);
        EXPECT_TRUE(parsed) << members << ": " << (parsed ? "" : parsed.error().message);
    }
}

struct Refused {
    std::string_view what;
    std::string_view members;
};

TEST(Idl, RefusesWhatOtherImplementationsRefuse) {
    const std::vector<Refused> table{
        {"enum value with a dash", "type E (ivshmem-plain, b)"},
        {"enum value ending in an underscore", "type E (a_, b)"},
        {"enum value with a digit first", "type E (1a)"},
        {"enum value twice", "type E (a, a)"},
        {"empty type", "type T ()"},
        {"empty inline type", "type T (a: ())"},
        {"trailing comma in a struct", "type T (a: int,)"},
        {"trailing comma in an enum", "type T (a, b,)"},
        {"trailing comma in parameters", "method M(a: int,) -> ()"},
        {"lonely comma", "method M(,) -> ()"},
        {"struct and enum mixed", "type T (a: int, b)"},
        {"enum and struct mixed", "type T (a, b: int)"},
        {"error without parentheses", "error E"},
        {"type without parentheses", "type T"},
        {"type that is only a name for another", "type T int"},
        {"nullable twice", "type T (a: ??int)"},
        {"array of nullables", "type T (a: []?int)"},
        {"array of arrays", "type T (a: [][]int)"},
        {"array of maps", "type T (a: [][string]int)"},
        {"map of arrays", "type T (a: [string][]int)"},
        {"map of nullables", "type T (a: [string]?int)"},
        {"map by number", "type T (a: [int]int)"},
        {"array without a type", "type T (a: [])"},
        {"any", "type T (a: any)"},
        {"unresolved type", "type T (a: U)"},
        {"method used as a type", "method M() -> ()\ntype T (a: M)"},
        {"error used as a type", "error E ()\ntype T (a: E)"},
        {"lower-case method", "method m() -> ()"},
        {"lower-case type", "type t (a: int)"},
        {"lower-case error", "error e ()"},
        {"method with an underscore", "method A_b() -> ()"},
        {"type twice", "type T (a: int)\ntype T (b: int)"},
        {"method twice", "method M() -> ()\nmethod M() -> ()"},
        {"type and method of one name", "type M (a: int)\nmethod M() -> ()"},
        {"type and error of one name", "type M (a: int)\nerror M ()"},
        {"field twice in a type", "type T (a: int, a: int)"},
        {"field twice in a direction", "method M(a: int, a: bool) -> ()"},
        {"field ending in an underscore", "type T (a_: int)"},
        {"field with two underscores", "type T (a__b: int)"},
        {"field with a dash", "type T (a-b: int)"},
        {"field without a type", "type T (a:)"},
        {"no comma", "type T (a: int b: int)"},
        {"no arrow", "method M() ()"},
        {"no output", "method M() ->"},
        {"no input", "method M -> ()"},
        {"not closed", "method M(a: int -> ()"},
        {"closed twice", "method M()) -> ()"},
        {"unknown keyword", "property P: int"},
        {"second interface", "interface c.d"},
        {"unknown character", "type T (a: int);"},
        {"not ASCII outside of a comment", "type T (\xc3\xa4: int)"},
        {"NUL", std::string_view("method M() -> ()\0", 17)},
    };
    for (const Refused& row : table) {
        const auto parsed = parse_members(row.members);
        ASSERT_FALSE(parsed) << row.what;
        EXPECT_TRUE(parsed.error().message.starts_with("line ")) << row.what;
    }
}

TEST(Idl, RefusesATextWithoutAProperHeader) {
    for (const std::string_view text :
         {"", "# only a comment", "method M() -> ()", "interface", "interface a", "interface a..b",
          "interface a_b.c", "interface ()", "interface a.b c.d"}) {
        EXPECT_FALSE(parse_interface(text)) << text;
    }
}

TEST(Idl, SaysInWhichLineTheFirstMistakeIs) {
    const auto syntax = parse_members("\n# fine\ntype T (\n  a: int,\n  b int\n)\ntype t ()");
    ASSERT_FALSE(syntax);
    EXPECT_EQ(syntax.error().message, "line 6: expected ':'");
    const auto unresolved = parse_members("type T (\n  a: U\n)\n");
    ASSERT_FALSE(unresolved);
    EXPECT_EQ(unresolved.error().message, "line 3: no type 'U'");
}

std::string nested_structs(int levels) {
    std::string text = "int";
    for (int i = 0; i < levels; ++i) text = "(a: " + text + ")";
    return "type T (f: " + text + ")";
}

TEST(Idl, RefusesEndlessNesting) {
    EXPECT_TRUE(parse_members(nested_structs(64)));
    EXPECT_FALSE(parse_members(nested_structs(65)));
    EXPECT_FALSE(parse_members(nested_structs(2000)));
}

TEST(Idl, KeepsTheCommentsBeforeAField) {
    const auto parsed = parse_members("type T (\n  # One.\n  #Two.\n  a: int,\n  b: int\n)");
    ASSERT_TRUE(parsed);
    const auto& fields = std::get<StructType>(parsed->types.front().definition).fields;
    EXPECT_EQ(fields[0].doc, "One.\nTwo.");
    EXPECT_EQ(fields[1].doc, "");
}

}  // namespace
}  // namespace ivshmemd::varlink
