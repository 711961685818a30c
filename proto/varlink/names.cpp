#include "proto/varlink/names.h"

#include <algorithm>

namespace ivshmemd::varlink {
namespace {

// The <cctype> functions would depend on the locale.
constexpr bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

constexpr bool is_letter(char c) {
    return is_upper(c) || (c >= 'a' && c <= 'z');
}

constexpr bool is_alnum(char c) {
    return is_letter(c) || (c >= '0' && c <= '9');
}

bool is_label(std::string_view label) {
    if (label.empty() || !is_alnum(label.front()) || !is_alnum(label.back())) return false;
    return std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
}

}  // namespace

bool is_interface_name(std::string_view name) {
    if (name.empty() || !is_letter(name.front())) return false;
    if (name.find('.') == std::string_view::npos) return false;
    for (;;) {
        const std::size_t dot = name.find('.');
        if (!is_label(name.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        name.remove_prefix(dot + 1);
    }
}

bool is_member_name(std::string_view name) {
    return !name.empty() && is_upper(name.front()) && std::ranges::all_of(name, is_alnum);
}

bool is_field_name(std::string_view name) {
    if (name.empty() || !is_letter(name.front()) || name.back() == '_') return false;
    if (name.find("__") != std::string_view::npos) return false;
    return std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '_'; });
}

}  // namespace ivshmemd::varlink
