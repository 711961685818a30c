#include "proto/varlink/idl_parser.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "proto/varlink/idl_tokens.h"
#include "proto/varlink/names.h"

namespace ivshmemd::varlink {
namespace {

constexpr int max_depth = 64;

std::optional<Scalar> scalar_of(std::string_view word) {
    if (word == "bool") return Scalar::boolean;
    if (word == "int") return Scalar::integer;
    if (word == "float") return Scalar::floating;
    if (word == "string") return Scalar::string;
    if (word == "object") return Scalar::object;
    return std::nullopt;
}

/// Recursive descent.
class Parser : private TokenStream {
  public:
    explicit Parser(std::vector<Token> tokens) : TokenStream(std::move(tokens)) {}

    Result<Interface> run() {
        parse_header();
        while (next().kind != TokenKind::end) parse_member();
        check_references();
        if (fault()) return *fault();
        return std::move(interface_);
    }

  private:
    void parse_header() {
        interface_.doc = next().doc;
        if (!accept_word("interface")) return fail("expected 'interface'");
        interface_.name = take_name(is_interface_name, "an interface name");
    }

    void parse_member() {
        std::string doc = next().doc;
        if (accept_word("type")) return parse_type_declaration(std::move(doc));
        if (accept_word("method")) return parse_method(std::move(doc));
        if (accept_word("error")) return parse_error(std::move(doc));
        fail("expected 'type', 'method' or 'error'");
    }

    void parse_type_declaration(std::string doc) {
        TypeDeclaration declaration{take_symbol(), {}, std::move(doc)};
        if (next_is_enum()) {
            declaration.definition = parse_enum();
        } else {
            declaration.definition = parse_struct();
        }
        interface_.types.push_back(std::move(declaration));
    }

    void parse_method(std::string doc) {
        Method method{take_symbol(), {}, {}, std::move(doc)};
        method.in = parse_parameters();
        expect(TokenKind::arrow, "'->'");
        method.out = parse_parameters();
        interface_.methods.push_back(std::move(method));
    }

    void parse_error(std::string doc) {
        ErrorDeclaration error{take_symbol(), {}, std::move(doc)};
        error.parameters = parse_parameters();
        interface_.errors.push_back(std::move(error));
    }

    /// A struct, or the empty parentheses that only methods and errors may have.
    StructType parse_parameters() {
        if (next().kind == TokenKind::open && peek(1).kind == TokenKind::close) {
            take();
            take();
            return {};
        }
        return parse_struct();
    }

    StructType parse_struct() {
        StructType result;
        expect(TokenKind::open, "'('");
        do {
            Field field;
            field.doc = next().doc;
            field.name = take_name(is_field_name, "a field name");
            if (find_field(result, field.name)) fail("a second field '" + field.name + "'");
            expect(TokenKind::colon, "':'");
            field.type = parse_type();
            result.fields.push_back(std::move(field));
        } while (accept(TokenKind::comma));
        expect(TokenKind::close, "',' or ')'");
        return result;
    }

    EnumType parse_enum() {
        EnumType result;
        std::set<std::string> seen;
        expect(TokenKind::open, "'('");
        do {
            std::string value = take_name(is_field_name, "an enum value");
            if (!seen.insert(value).second) fail("a second value '" + value + "'");
            result.values.push_back(std::move(value));
        } while (accept(TokenKind::comma));
        expect(TokenKind::close, "',' or ')'");
        return result;
    }

    /// A field's type: nullable or not, then a container or not, then what it is at the core.
    Type parse_type() {
        Type type;
        type.nullable = accept(TokenKind::question);
        if (accept(TokenKind::brackets)) {
            type.kind = ArrayType{parse_element()};
        } else if (accept(TokenKind::map)) {
            type.kind = MapType{parse_element()};
        } else {
            parse_core(type);
        }
        return type;
    }

    std::shared_ptr<const Type> parse_element() {
        const auto element = std::make_shared<Type>();
        parse_core(*element);
        return element;
    }

    void parse_core(Type& type) {
        if (next().kind == TokenKind::open) return parse_inline(type);
        const Token token = take();
        if (const auto scalar = scalar_of(token.text)) {
            type.kind = *scalar;
        } else if (token.kind == TokenKind::word && is_member_name(token.text)) {
            type.kind = NamedType{std::string(token.text)};
            references_.push_back(token);
        } else {
            fail_at(token.line, "expected a type");
        }
    }

    void parse_inline(Type& type) {
        if (++depth_ > max_depth) return fail("nested too deep");
        if (next_is_enum()) {
            type.kind = parse_enum();
        } else {
            type.kind = parse_struct();
        }
        --depth_;
    }

    /// At '(': the first name of a struct is followed by a colon, that of an enum is not.
    bool next_is_enum() const {
        return peek(1).kind == TokenKind::word && peek(2).kind != TokenKind::colon;
    }

    void check_references() {
        for (const Token& token : references_) {
            if (find_type(interface_, token.text)) continue;
            fail_at(token.line, "no type '" + std::string(token.text) + "'");
        }
    }

    /// The name of a type, method or error; all of them share one name space.
    std::string take_symbol() {
        std::string name = take_name(is_member_name, "a name with a capital letter");
        if (!symbols_.insert(name).second) fail("a second '" + name + "'");
        return name;
    }

    int depth_ = 0;
    Interface interface_;
    std::set<std::string> symbols_;
    std::vector<Token> references_;  // the uses of named types
};

}  // namespace

Result<Interface> parse_interface(std::string_view text) {
    auto tokens = split_tokens(text);
    if (!tokens) return tokens.error();
    return Parser(*std::move(tokens)).run();
}

}  // namespace ivshmemd::varlink
