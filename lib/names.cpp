#include "lib/names.h"

#include <algorithm>

namespace ivshmemd {
namespace {

constexpr std::string_view prefix = "ivshmemd.";
constexpr std::string_view backend_suffix = ".mem";
constexpr std::string_view chardev_suffix = ".chr";
constexpr std::size_t max_length = 63;

// Not <cctype>: names are ASCII whatever the locale.
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_device_name(std::string_view name) {
    const auto inner = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; };
    return !name.empty() && name.size() <= max_length && is_letter(name[0]) &&
           std::all_of(name.begin(), name.end(), inner);
}

// Of VMs and of regions' files: never hidden, "..", or taken for an option.
bool is_dotted_name(std::string_view name) {
    const auto inner = [](char c) {
        return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
    };
    return !name.empty() && name.size() <= max_length &&
           (is_letter(name[0]) || is_digit(name[0])) &&
           std::all_of(name.begin(), name.end(), inner);
}

Error bad_name(std::string_view what, std::string_view name, std::string_view rule) {
    return Error(ErrorKind::bad_name, std::string(what) + " name '" + printable(name, 80) +
                                          "' breaks the rule " + std::string(rule));
}

std::optional<std::string> between(std::string_view id, std::string_view suffix) {
    if (!id.starts_with(prefix) || !id.ends_with(suffix)) return std::nullopt;
    if (id.size() < prefix.size() + suffix.size()) return std::nullopt;
    id.remove_prefix(prefix.size());
    id.remove_suffix(suffix.size());
    if (!is_device_name(id)) return std::nullopt;
    return std::string(id);
}

}  // namespace

Result<void> check_device_name(std::string_view name) {
    if (is_device_name(name)) return {};
    return bad_name("device", name, "[A-Za-z][A-Za-z0-9_-]{0,62}");
}

Result<void> check_region_name(std::string_view name) {
    const std::size_t colon = name.find(':');
    const bool has_place = colon != std::string_view::npos;
    const bool place_is_good = !has_place || is_device_name(name.substr(0, colon));
    if (place_is_good && is_dotted_name(has_place ? name.substr(colon + 1) : name)) return {};
    return bad_name("region", name, "[A-Za-z0-9][A-Za-z0-9_.-]{0,62}");
}

Result<void> check_vm_name(std::string_view name) {
    if (is_dotted_name(name)) return {};
    return bad_name("VM", name, "[A-Za-z0-9][A-Za-z0-9_.-]{0,62}");
}

Result<void> check_backend_id(std::string_view id) {
    constexpr std::size_t longest = 127;
    const auto inner = [](char c) {
        return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
    };
    const bool sound = !id.empty() && id.size() <= longest && is_letter(id[0]) &&
                       std::all_of(id.begin(), id.end(), inner);
    if (sound) return {};
    return bad_name("backend", id, "[A-Za-z][A-Za-z0-9_.-]{0,126}");
}

std::string device_id(std::string_view name) {
    return std::string(prefix) + std::string(name);
}

std::string chardev_id(std::string_view name) {
    return device_id(name) + std::string(chardev_suffix);
}

std::string backend_id(std::string_view name, int generation) {
    std::string id = device_id(name) + std::string(backend_suffix);
    return generation > 1 ? id + "." + std::to_string(generation) : id;
}

std::optional<std::string> name_of_device_id(std::string_view id) {
    return between(id, "");
}

std::optional<std::string> name_of_backend_id(std::string_view id) {
    const std::size_t last_dot = id.rfind('.');
    if (last_dot == std::string_view::npos) return std::nullopt;
    const std::string_view tail = id.substr(last_dot + 1);
    const bool numbered = !tail.empty() && std::all_of(tail.begin(), tail.end(), is_digit);
    return between(numbered ? id.substr(0, last_dot) : id, backend_suffix);
}

std::optional<std::string> name_of_chardev_id(std::string_view id) {
    return between(id, chardev_suffix);
}

std::string printable(std::string_view text, std::size_t limit) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string out;
    for (const char c : text.substr(0, limit)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            out += c;
        } else {
            out += {'\\', 'x', hex[byte >> 4], hex[byte & 15]};
        }
    }
    return text.size() > limit ? out + "..." : out;
}

}  // namespace ivshmemd
