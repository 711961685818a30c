#include "proto/qmp/command.h"

#include <cassert>
#include <nlohmann/json.hpp>
#include <utility>

namespace ivshmemd::qmp {
namespace {

const char* verb(const Command& command) {
    return command.oob ? "exec-oob" : "execute";
}

}  // namespace

Command::Command(std::string name_, const json& arguments_) : name(std::move(name_)) {
    assert(arguments_.is_object() || arguments_.is_null());
    if (arguments_.is_object()) arguments = dump_json(arguments_);
}

Command Command::of_texts(std::string name, std::initializer_list<Text> arguments) {
    Command command(std::move(name));
    command.arguments = "{";
    for (const auto& [key, value] : arguments) {
        if (command.arguments.size() > 1) command.arguments += ',';
        append_quoted(command.arguments, key);
        command.arguments += ':';
        append_quoted(command.arguments, value);
    }
    command.arguments += '}';
    return command;
}

std::string encode(const Command& command, std::uint64_t id) {
    std::string line = "{\"";
    line.append(verb(command)).append("\":");
    append_quoted(line, command.name);
    if (!command.arguments.empty()) line.append(",\"arguments\":").append(command.arguments);
    return line.append(",\"id\":").append(std::to_string(id)).append("}\n");
}

json command_object(const Command& command) {
    json object = json::object();
    object[verb(command)] = command.name;
    if (!command.arguments.empty()) {
        object["arguments"] = json::parse(command.arguments, nullptr, false);
    }
    return object;
}

}  // namespace ivshmemd::qmp
