#include "proto/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace ivshmemd {
namespace {

std::string position(std::size_t byte) {
    return "at byte " + std::to_string(byte);
}

/// A key for the log: escaped to ASCII, and cut, since a key may be megabytes long.
std::string printable(std::string_view key) {
    constexpr std::size_t shown = 64;
    const json text = key.substr(0, shown);
    std::string result = text.dump(-1, ' ', true, json::error_handler_t::replace);
    return key.size() > shown ? result + "..." : result;
}

/// Builds the value event by event, and ends the parse at the first violation: what has been built
/// by then is never deeper than the limit.
class Builder final : public nlohmann::json_sax<json> {
  public:
    explicit Builder(const JsonLimits& limits) : limits_(limits) {}

    json take_value() { return std::move(root_); }
    ParsedJson take_refusal() { return std::move(refusal_); }

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(number_integer_t value) override { return add(value); }
    bool number_unsigned(number_unsigned_t value) override { return add(value); }
    bool number_float(number_float_t value, const string_t&) override { return add(value); }
    bool binary(binary_t&) override { return false; }  // not in text
    bool string(string_t& text) override { return check_nul(text) && add(std::move(text)); }

    bool start_object(std::size_t) override { return open(json::value_t::object); }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(json::value_t::array); }
    bool end_array() override { return close(); }

    bool key(string_t& name) override {
        if (!check_nul(name)) return false;
        const auto [member, fresh] = open_.back()->emplace(name, nullptr);
        member_ = &*member;
        if (fresh || !limits_.refuse_duplicates) return true;
        refusal_.key = name;
        return refuse(JsonFault::duplicate_key, "the key " + printable(name) + " is there twice");
    }

    // The exception's text quotes the input, bad bytes and all: only the position is kept.
    bool parse_error(std::size_t byte, const std::string&,
                     const nlohmann::detail::exception&) override {
        return refuse(JsonFault::malformed, "malformed JSON " + position(byte));
    }

  private:
    bool add(json value) {
        *place() = std::move(value);
        return true;
    }

    bool open(json::value_t type) {
        if (open_.size() >= limits_.max_depth) {
            return refuse(JsonFault::too_deep,
                          "nested more than " + std::to_string(limits_.max_depth) + " levels deep");
        }
        json* container = place();
        *container = json(type);
        open_.push_back(container);
        return true;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    /// Where the next value belongs. Stays valid while the value is open: its parents do not grow.
    json* place() {
        if (open_.empty()) return &root_;
        if (open_.back()->is_object()) return member_;
        return &open_.back()->emplace_back(nullptr);
    }

    bool check_nul(const std::string& text) {
        if (!limits_.refuse_nul || text.find('\0') == std::string::npos) return true;
        return refuse(JsonFault::nul_character, "a string holds the character U+0000");
    }

    bool refuse(JsonFault fault, std::string detail) {
        refusal_.fault = fault;
        refusal_.detail = std::move(detail);
        return false;
    }

    const JsonLimits& limits_;
    ParsedJson refusal_;
    json root_;
    std::vector<json*> open_;  // arrays and objects, the innermost last
    json* member_ = nullptr;   // named by the last key
};

ParsedJson refusal(JsonFault fault, std::string detail) {
    return {.value = nullptr, .fault = fault, .detail = std::move(detail), .key = {}};
}

}  // namespace

ParsedJson parse_json(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.max_bytes) {
        return refusal(JsonFault::too_long,
                       "longer than " + std::to_string(limits.max_bytes) + " bytes");
    }
    // The parser takes a NUL byte for the end of its input and would ignore what follows.
    if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
        return refusal(JsonFault::malformed, "a NUL byte " + position(nul + 1));
    }
    Builder builder(limits);
    if (!json::sax_parse(text.begin(), text.end(), &builder)) return builder.take_refusal();
    ParsedJson result;
    result.value = std::make_shared<const json>(builder.take_value());
    return result;
}

std::string dump_json(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void append_quoted(std::string& text, std::string_view value) {
    const bool is_plain = std::all_of(value.begin(), value.end(), [](char byte) {
        return byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\';
    });
    if (is_plain) {
        text.append(1, '"').append(value).append(1, '"');
    } else {
        text += dump_json(json(value));
    }
}

const json* find(const json* object, std::string_view key) {
    if (!as_object(object)) return nullptr;
    const auto member = object->find(key);
    return member == object->end() ? nullptr : &*member;
}

const json* find(const json& object, std::string_view key) {
    return find(&object, key);
}

std::optional<std::int64_t> as_int(const json* value) {
    if (!value) return std::nullopt;
    if (const auto* number = value->get_ptr<const json::number_unsigned_t*>()) {
        if (!std::in_range<std::int64_t>(*number)) return std::nullopt;
        return static_cast<std::int64_t>(*number);
    }
    const auto* number = value->get_ptr<const json::number_integer_t*>();
    return number ? std::optional(*number) : std::nullopt;
}

std::optional<std::uint64_t> as_uint(const json* value) {
    if (!value) return std::nullopt;
    if (const auto* number = value->get_ptr<const json::number_unsigned_t*>()) return *number;
    const auto* number = value->get_ptr<const json::number_integer_t*>();
    if (!number || *number < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*number);
}

std::optional<bool> as_bool(const json* value) {
    const auto* boolean = value ? value->get_ptr<const json::boolean_t*>() : nullptr;
    return boolean ? std::optional(*boolean) : std::nullopt;
}

const std::string* as_string(const json* value) {
    return value ? value->get_ptr<const json::string_t*>() : nullptr;
}

const json* as_array(const json* value) {
    return value && value->is_array() ? value : nullptr;
}

const json* as_object(const json* value) {
    return value && value->is_object() ? value : nullptr;
}

}  // namespace ivshmemd
