#include "daemon/libvirt/conversation.h"

#include <nlohmann/json.hpp>

#include "daemon/libvirt/allowed.h"
#include "proto/qmp/framer.h"

namespace ivshmemd::libvirt {
namespace {

constexpr JsonLimits command_limits{
    .max_bytes = longest_command, .max_depth = 32, .refuse_duplicates = true, .refuse_nul = false};
constexpr JsonLimits answer_limits{.max_bytes = qmp::max_frame_bytes,
                                   .max_depth = 128,
                                   .refuse_duplicates = true,
                                   .refuse_nul = false};

constexpr const char* generic = "GenericError";
constexpr const char* not_found = "CommandNotFound";

Request answered(const std::string& id, const char* error_class, const std::string& description) {
    Request request;
    request.id = id;
    request.answer = error_line(error_class, description, id);
    return request;
}

std::string line_of(json object, const std::string& id) {
    object.erase("id");
    if (!id.empty()) object["id"] = json::parse(id, nullptr, false);
    return dump_json(object) + "\r\n";
}

}  // namespace

Request Conversation::take(std::string_view frame) {
    const ParsedJson parsed = parse_json(frame, command_limits);
    if (!parsed)
        return answered("", generic, "ivshmemd-libvirt cannot read this: " + parsed.detail);
    const json& message = *parsed.value;
    const json* id_value = find(message, "id");
    const std::string id = id_value ? dump_json(*id_value) : std::string();
    if (find(message, "exec-oob")) {
        return answered(id, generic, "libvirt carries no out-of-band commands");
    }
    const std::string* name = as_string(find(message, "execute"));
    if (!name) return answered(id, generic, "QMP input lacks member 'execute'");
    const json* arguments = find(message, "arguments");
    if (*name == "qmp_capabilities") {
        const json* enable = find(arguments, "enable");
        return begin(id, enable && !enable->empty());
    }
    if (!negotiated_) {
        return answered(id, not_found,
                        "Expecting capabilities negotiation with 'qmp_capabilities'");
    }
    const std::optional<std::string> why = refusal(*name, arguments);
    if (why) {
        Request request = answered(id, generic, *why);
        request.refused = *why;
        return request;
    }
    json command = {{"execute", *name}};
    if (arguments) command["arguments"] = *arguments;
    Request request;
    request.id = id;
    request.command = dump_json(command);
    request.name = *name;
    return request;
}

Request Conversation::begin(const std::string& id, bool enables) {
    if (negotiated_) return answered(id, not_found, "Capabilities negotiation is already complete");
    if (enables) return answered(id, generic, "ivshmemd-libvirt offers no capabilities");
    negotiated_ = true;
    Request request;
    request.id = id;
    request.answer = line_of({{"return", json::object()}}, id);
    return request;
}

std::string greeting_line(std::string_view version_answer) {
    const ParsedJson parsed = parse_json(version_answer, answer_limits);
    const json* version = parsed ? find(*parsed.value, "return") : nullptr;
    if (!as_object(find(version, "qemu"))) return "";
    const json body = {{"version", *version}, {"capabilities", json::array()}};
    return dump_json(json({{"QMP", body}})) + "\r\n";
}

std::string answer_line(std::string_view answer, const std::string& id) {
    const ParsedJson parsed = parse_json(answer, answer_limits);
    if (!parsed || !(find(*parsed.value, "return") || find(*parsed.value, "error"))) return "";
    return line_of(*parsed.value, id);
}

std::string error_line(const std::string& error_class, const std::string& description,
                       const std::string& id) {
    const json error = {{"class", error_class}, {"desc", description}};
    return line_of(json({{"error", error}}), id);
}

std::string event_line(const std::string& name, long long seconds, unsigned microseconds,
                       const std::string& details) {
    json event = {{"event", name},
                  {"timestamp", {{"seconds", seconds}, {"microseconds", microseconds}}}};
    const ParsedJson data = parse_json(details, answer_limits);
    if (data && as_object(data.value.get())) event["data"] = *data.value;
    return dump_json(event) + "\r\n";
}

std::string migration_status(const std::string& name, const std::string& details) {
    if (name != "MIGRATION") return "";
    const ParsedJson data = parse_json(details, answer_limits);
    const std::string* status = data ? as_string(find(*data.value, "status")) : nullptr;
    return status ? *status : "";
}

}  // namespace ivshmemd::libvirt
