#include "proto/qmp/message.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "proto/qmp/framer.h"

namespace ivshmemd::qmp {
namespace {

constexpr JsonLimits limits{
    .max_bytes = max_frame_bytes, .max_depth = 128, .refuse_duplicates = true, .refuse_nul = false};

/// A part of a document that keeps the whole alive.
Document part_of(const Document& whole, const json* part) {
    return Document(whole, part);
}

std::optional<int> version_number(const json* value) {
    const auto number = as_number<int>(value);
    return number && *number >= 0 ? number : std::nullopt;
}

ReplyId reply_id(const json& message) {
    const json* id = find(message, "id");
    if (!id) return {};
    const auto number = as_int(id);
    if (!number || *number < 0) return {ReplyId::Kind::foreign, 0};
    return {ReplyId::Kind::number, static_cast<std::uint64_t>(*number)};
}

bool offers_oob(const json* capabilities) {
    if (!as_array(capabilities)) return false;
    return std::any_of(capabilities->begin(), capabilities->end(), [](const json& capability) {
        const std::string* name = as_string(&capability);
        return name && *name == "oob";
    });
}

Message greeting(const json* body) {
    const json* version = find(body, "version");
    const json* qemu = find(version, "qemu");
    const auto major = version_number(find(qemu, "major"));
    const auto minor = version_number(find(qemu, "minor"));
    const auto micro = version_number(find(qemu, "micro"));
    if (!major || !minor || !micro) return Malformed{"a greeting without a version"};
    const std::string* package = as_string(find(version, "package"));
    return Greeting{.version = {*major, *minor, *micro},
                    .package = package ? *package : std::string(),
                    .oob = offers_oob(find(body, "capabilities"))};
}

Message error_reply(const json& message, const json* body) {
    const std::string* error_class = as_string(find(body, "class"));
    const std::string* description = as_string(find(body, "desc"));
    if (!error_class || !description) return Malformed{"an error without class or description"};
    return ErrorReply{reply_id(message), *error_class, *description};
}

Message event(const Document& message, const json* name) {
    const std::string* text = as_string(name);
    if (!text) return Malformed{"an event without a name"};
    const json* data = find(*message, "data");
    if (data && !as_object(data)) return Malformed{"an event whose data are not an object"};
    return Event{*text, data ? part_of(message, data) : nullptr};
}

}  // namespace

Message parse_message(std::string_view frame) {
    const ParsedJson parsed = parse_json(frame, limits);
    if (!parsed) return Malformed{parsed.detail};
    const json& message = *parsed.value;

    const json* hello = find(message, "QMP");
    const json* value = find(message, "return");
    const json* error = find(message, "error");
    const json* name = find(message, "event");
    const int kinds = (hello ? 1 : 0) + (value ? 1 : 0) + (error ? 1 : 0) + (name ? 1 : 0);
    if (kinds != 1) return Malformed{"neither a greeting nor one reply, error or event"};

    if (hello) return greeting(hello);
    if (value) return Reply{reply_id(message), part_of(parsed.value, value)};
    if (error) return error_reply(message, error);
    return event(parsed.value, name);
}

}  // namespace ivshmemd::qmp
