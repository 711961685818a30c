#include "proto/api/topology_reader.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "lib/names.h"
#include "lib/size.h"
#include "proto/api/values.h"

namespace ivshmemd::api {
namespace {

// The member that a refusal of Attach's parameters is about.
std::string member_of(const Error& error, const json& device) {
    const std::string named = text_detail(error, "parameter");
    if (!named.empty()) return named;
    if (error.kind == ErrorKind::bad_size) return "size";
    const std::string* name = as_string(find(device, "name"));
    const bool is_name = name && !check_device_name(*name);
    return is_name || !device.contains("region") ? "name" : "region";
}

}  // namespace

std::string pointer_word(std::string text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '~') text.replace(i++, 1, "~0");
        if (text[i] == '/') text.replace(i++, 1, "~1");
    }
    return printable(text, 80);
}

Error topology_fault(ErrorKind kind, const std::string& key, const std::string& message) {
    Error error(kind, message, {{"key", key}});
    if (kind == ErrorKind::invalid_parameter) {
        error.details.emplace_back("parameter", std::string("topology"));
    }
    return error;
}

std::string EntryReader::key(const std::string& member) const {
    return member.empty() ? key_ : key_ + "/" + member;
}

void EntryReader::add(const std::string& member, const std::string& message) {
    faults_.push_back(topology_fault(ErrorKind::invalid_parameter, key(member), message));
}

void EntryReader::add(const std::string& member, const Error& error) {
    faults_.push_back(topology_fault(error.kind, key(member), error.message));
}

json EntryReader::read_size(const std::string& member, const json& value) {
    if (const auto bytes = as_uint(&value)) {
        const Result<void> sound = check_size(*bytes, std::numeric_limits<std::int64_t>::max());
        if (sound) return value;
        add(member, sound.error());
        return nullptr;
    }
    const std::string* text = as_string(&value);
    if (!text) {
        add(member, "expected a size such as \"64M\"");
        return nullptr;
    }
    const Result<std::uint64_t> size = parse_region_size(*text);
    if (size) return *size;
    add(member, size.error());
    return nullptr;
}

json EntryReader::read_texts(const std::string& member, const json& value) {
    const json* list = as_array(&value);
    if (!list) {
        add(member, "expected a list of texts");
        return nullptr;
    }
    json texts = json::array();
    std::set<std::string> known;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const std::string* text = as_string(&(*list)[i]);
        const std::string place = member + "/" + std::to_string(i);
        if (!text || text->empty()) {
            add(place, "expected a text");
        } else if (!known.insert(*text).second) {
            add(place, "'" + printable(*text, 80) + "' is named twice");
        } else if (const Result<void> valid = check_vm_name(*text); !valid) {
            add(place, valid.error());
        } else {
            texts.push_back(*text);
            continue;
        }
        texts.push_back(nullptr);  // those behind it keep their places
    }
    return texts;
}

json EntryReader::read(const std::string& member, const json& value, Kind kind) {
    switch (kind) {
        case Kind::size:
            return read_size(member, value);
        case Kind::texts:
            return read_texts(member, value);
        case Kind::text:
            if (as_string(&value) && !as_string(&value)->empty()) return value;
            add(member, "expected a text");
            return nullptr;
        case Kind::number:
            if (as_int(&value)) return value;
            add(member, "expected a whole number");
            return nullptr;
        case Kind::flag:
            break;
    }
    if (as_bool(&value)) return value;
    add(member, "expected true or false");
    return nullptr;
}

json EntryReader::take(const Members& members) {
    json taken = json::object();
    if (!as_object(&entry_)) {
        add("", "expected a table");
        return taken;
    }
    for (const auto& [member, value] : entry_.items()) {
        if (value.is_null()) continue;
        const auto known = members.find(member);
        if (known == members.end()) {
            add(pointer_word(member), "there is no such key");
            continue;
        }
        json good = read(member, value, known->second);
        if (!good.is_null()) taken[member] = std::move(good);
    }
    return taken;
}

const std::string* EntryReader::required_text(const json& taken, const std::string& member) {
    const std::string* text = as_string(find(taken, member));
    // One of another type has its fault already.
    const json* given = find(&entry_, member);
    if (!text && (!given || given->is_null())) add(member, "it is missing");
    return text;
}

std::optional<DeviceRequest> EntryReader::request_of(json device) {
    bool sound = true;
    while (true) {
        Result<DeviceRequest> request = read_device_request(device);
        if (request && sound) return *request;
        if (request) return std::nullopt;
        // Without what is wrong, what else is comes to light.
        sound = false;
        const std::string member = member_of(request.error(), device);
        add(member, request.error());
        if (member == "name" || !device.contains(member)) return std::nullopt;
        device.erase(member);
    }
}

}  // namespace ivshmemd::api
