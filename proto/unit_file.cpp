#include "proto/unit_file.h"

#include <algorithm>
#include <string>
#include <vector>

namespace ivshmemd {
namespace {

using Words = std::vector<std::string>;

bool is_true(const std::string& value) {
    return value == "yes" || value == "true" || value == "on" || value == "1";
}

std::string trimmed(std::string_view text) {
    constexpr const char* blank = " \t\r";
    const std::size_t begin = text.find_first_not_of(blank);
    if (begin == std::string_view::npos) return "";
    return std::string(text.substr(begin, text.find_last_not_of(blank) + 1 - begin));
}

Words split(const std::string& text) {
    Words words;
    std::string word;
    bool quoted = false;
    for (const char each : text + " ") {
        if (each == '"') {
            quoted = !quoted;
        } else if (!quoted && (each == ' ' || each == '\t')) {
            if (!word.empty()) words.push_back(word);
            word.clear();
        } else {
            word += each;
        }
    }
    return words;
}

std::string without_flags(std::string path) {
    return path.substr(std::min(path.find_first_not_of("-+"), path.size()));
}

std::string without_specifiers(std::string path) {
    for (std::size_t at = 0; (at = path.find("%%", at)) != std::string::npos; ++at) {
        path.erase(at, 1);
    }
    return path;
}

// Of "SOURCE:TARGET:OPTIONS".
std::string bind_target(const std::string& word) {
    const std::size_t colon = word.find(':');
    if (colon == std::string::npos) return word;
    return word.substr(colon + 1, word.find(':', colon + 1) - colon - 1);
}

// An empty value takes back what came before.
void add_paths(Words& paths, const std::string& value, bool binds) {
    if (value.empty()) paths.clear();
    for (const std::string& word : split(value)) {
        const std::string path = without_specifiers(without_flags(word));
        paths.push_back(binds ? bind_target(path) : path);
    }
}

void add_device(Words& devices, const std::string& value) {
    const Words words = split(value);
    if (words.empty()) return devices.clear();
    const std::string access = words.size() > 1 ? words[1] : "rwm";
    const bool is_whole =
        access.find('r') != std::string::npos && access.find('w') != std::string::npos;
    if (is_whole) devices.push_back(words[0]);
}

void set(UnitSandbox& unit, std::string_view key, const std::string& value) {
    if (key == "User") unit.user = value;
    if (key == "ProtectSystem") unit.protect_system = is_true(value) ? "yes" : value;
    if (key == "ProtectHome") unit.protect_home = is_true(value) ? "yes" : value;
    if (key == "DevicePolicy") unit.device_policy = value;
    if (key == "PrivateTmp") unit.private_tmp = is_true(value);
    if (key == "PrivateDevices") unit.private_devices = is_true(value);
    if (key == "ReadWritePaths") add_paths(unit.writable, value, false);
    if (key == "BindPaths") add_paths(unit.bound, value, true);
    if (key == "DeviceAllow") add_device(unit.devices, value);
}

}  // namespace

void add_unit_text(UnitSandbox& unit, std::string_view text) {
    bool in_service = false;
    std::string entry;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string line = trimmed(text.substr(begin, end - begin));
        begin = end + 1;
        if (line.starts_with('#') || line.starts_with(';')) continue;
        if (line.ends_with('\\')) {
            entry += line.substr(0, line.size() - 1) + " ";
            continue;
        }
        entry += line;
        const std::size_t equals = entry.find('=');
        if (entry.starts_with('[')) {
            in_service = entry == "[Service]";
        } else if (in_service && equals != std::string::npos) {
            set(unit, trimmed(entry.substr(0, equals)), trimmed(entry.substr(equals + 1)));
        }
        entry.clear();
    }
}

}  // namespace ivshmemd
