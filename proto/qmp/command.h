#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "proto/json.h"

namespace ivshmemd::qmp {

/// A QMP command before it has an id. The arguments are kept as text: a plan holds commands long
/// before they are sent, may only show them, and compares them in tests.
struct Command {
    std::string name;       // e.g. "device_add"
    std::string arguments;  // a JSON object on one line; empty: none
    bool oob = false;       // out of band: answered even while QEMU's main loop is blocked

    Command() = default;
    explicit Command(std::string name_) : name(std::move(name_)) {}
    /// `arguments_` is an object, or null for none.
    Command(std::string name_, const json& arguments_);

    using Text = std::pair<std::string_view, std::string_view>;
    /// Arguments that are all texts. A machine is asked thousands of such questions: no tree is
    /// built for each.
    static Command of_texts(std::string name, std::initializer_list<Text> arguments);

    bool operator==(const Command&) const = default;
};

/// The line to send, line end included. The id is below 2^63.
std::string encode(const Command& command, std::uint64_t id);

/// The object that is sent, without an id, e.g. {"execute": "device_add", "arguments": {...}}.
json command_object(const Command& command);

}  // namespace ivshmemd::qmp
