#include "proto/bridge_note.h"

#include <nlohmann/json.hpp>

#include "proto/json.h"

namespace ivshmemd {
namespace {

constexpr JsonLimits note_limits{
    .max_bytes = 4096, .max_depth = 4, .refuse_duplicates = true, .refuse_nul = true};

std::string note_word(const json& note, std::string_view key) {
    const std::string* text = as_string(find(note, key));
    return text ? *text : std::string();
}

}  // namespace

std::string write_bridge_note(const BridgeNote& note) {
    json object = {{"bridge", note.bridge}, {"uuid", note.uuid}, {"run", note.run}};
    if (note.uid) object["uid"] = *note.uid;
    if (note.gid) object["gid"] = *note.gid;
    if (note.pid) object["pid"] = *note.pid;
    if (!note.label.empty()) object["label"] = note.label;
    if (!note.held.empty()) object["held"] = note.held;
    return dump_json(object) + "\n";
}

std::optional<BridgeNote> read_bridge_note(std::string_view text) {
    const ParsedJson parsed = parse_json(text, note_limits);
    if (!parsed) return std::nullopt;
    BridgeNote note;
    note.bridge = note_word(*parsed.value, "bridge");
    note.uuid = note_word(*parsed.value, "uuid");
    note.run = note_word(*parsed.value, "run");
    if (note.bridge.empty() || note.uuid.empty() || note.run.empty()) return std::nullopt;
    note.uid = as_number<std::uint32_t>(find(*parsed.value, "uid"));
    note.gid = as_number<std::uint32_t>(find(*parsed.value, "gid"));
    note.pid = as_number<std::int32_t>(find(*parsed.value, "pid"));
    if (note.pid && *note.pid <= 0) note.pid.reset();
    note.label = note_word(*parsed.value, "label");
    note.held = note_word(*parsed.value, "held");
    return note;
}

}  // namespace ivshmemd
