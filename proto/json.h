#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

// JSON from outside: parsed under limits and without exceptions, then read through accessors that
// check type and range. The library alone does neither: copying, dumping or comparing a deeply
// nested value overflows the stack, of duplicate keys the last one silently wins, text behind a NUL
// is ignored, and integers wrap when read as a narrower type.

namespace ivshmemd {

using json = nlohmann::json;

/// A parsed value, or a part of one, shared instead of copied. May be null: nothing there.
using Document = std::shared_ptr<const json>;

struct JsonLimits {
    std::size_t max_bytes;   // of the whole text
    std::size_t max_depth;   // levels of arrays and objects; a scalar has depth 0, [] has 1
    bool refuse_duplicates;  // of keys within one object
    bool refuse_nul;         // the character U+0000 in a string or key, as in "a\u0000b"
};

enum class JsonFault {
    none,           // parsed
    too_long,       // more than max_bytes
    too_deep,       // more than max_depth levels
    duplicate_key,  // the same key twice in one object: see ParsedJson::key
    malformed,      // not exactly one JSON text in valid UTF-8
    nul_character,  // a string or key holds U+0000
};

struct ParsedJson {
    Document value;  // null unless fault is none
    JsonFault fault = JsonFault::none;
    std::string detail;  // what is wrong, short and printable ASCII whatever the input was
    std::string key;     // duplicate_key: the key, decoded, of any length and content

    explicit operator bool() const { return fault == JsonFault::none; }
};

/// Parses exactly one JSON text that fills `text` apart from whitespace. Reading stops at the first
/// violation, so a bomb of brackets costs no more than max_depth of them. Throws only
/// std::bad_alloc.
ParsedJson parse_json(std::string_view text, const JsonLimits& limits);

/// One line of JSON without a line end. Bytes that are not UTF-8 become U+FFFD; never throws for
/// them. The value must not be deeper than parse_json lets through.
std::string dump_json(const json& value);

/// The same of a string, behind what is there.
void append_quoted(std::string& text, std::string_view value);

/// The member of that name; null when `object` is null, no object, or has none.
const json* find(const json* object, std::string_view key);
const json* find(const json& object, std::string_view key);
const json* find(const json&& object, std::string_view key) = delete;  // the result would dangle

/// Strict readers, all of which accept null and answer nothing for another type: true and 1.0 are
/// not integers, and an integer outside of the result's range is not one either.
std::optional<std::int64_t> as_int(const json* value);
std::optional<std::uint64_t> as_uint(const json* value);
std::optional<bool> as_bool(const json* value);

/// The same for any type of integer.
template <std::integral Number>
std::optional<Number> as_number(const json* value) {
    if constexpr (std::is_signed_v<Number>) {
        const auto number = as_int(value);
        if (!number || !std::in_range<Number>(*number)) return std::nullopt;
        return static_cast<Number>(*number);
    } else {
        const auto number = as_uint(value);
        if (!number || !std::in_range<Number>(*number)) return std::nullopt;
        return static_cast<Number>(*number);
    }
}

const std::string* as_string(const json* value);
const json* as_array(const json* value);
const json* as_object(const json* value);

}  // namespace ivshmemd
