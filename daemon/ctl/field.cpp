#include "daemon/ctl/field.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "lib/size.h"
#include "proto/json.h"

namespace ivshmemd::ctl {
namespace {

std::string scalar_text(const json& value) {
    if (const std::string* text = as_string(&value)) return *text;
    if (const auto flag = as_bool(&value)) return *flag ? "yes" : "no";
    if (const auto number = as_int(&value)) return std::to_string(*number);
    if (const auto number = as_uint(&value)) return std::to_string(*number);
    return {};
}

void append(std::string& list, std::string_view separator, const std::string& text) {
    if (!list.empty()) list += separator;
    list += text;
}

}  // namespace

std::string text_field(const json* object, std::string_view key) {
    const json* value = find(object, key);
    if (value == nullptr) return {};
    const json* list = as_array(value);
    if (list == nullptr) return scalar_text(*value);
    std::string result;
    for (const json& each : *list) append(result, ", ", scalar_text(each));
    return result;
}

std::string model_field(const json* object, std::string_view key) {
    std::string text = text_field(object, key);
    // The names of Varlink have no dashes.
    std::replace(text.begin(), text.end(), '_', '-');
    return text;
}

std::string size_field(const json* object, std::string_view key) {
    const auto bytes = as_uint(find(object, key));
    return bytes ? format_size(*bytes) : std::string();
}

std::string ranges_field(const json* object, std::string_view key) {
    const json* list = as_array(find(object, key));
    if (list == nullptr) return {};
    std::string result;
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto first = as_uint(&(*list)[i]);
        if (!first) return {};
        std::uint64_t last = *first;
        while (i + 1 < list->size() && last < UINT64_MAX && as_uint(&(*list)[i + 1]) == last + 1) {
            ++last;
            ++i;
        }
        const std::string dash = last == *first ? "" : "-" + std::to_string(last);
        append(result, ",", std::to_string(*first) + dash);
    }
    return result;
}

std::string window_field(const json& region, const json& user) {
    const auto offset = as_uint(find(user, "offset"));
    const auto size = as_uint(find(user, "size"));
    const auto whole = as_uint(find(region, "size"));
    if (!offset || !size || !whole || (*offset == 0 && (*size == 0 || *size == *whole))) return "";
    const std::string begin = *offset == 0 ? "0" : format_size(*offset);
    return begin + "-" + (*size == 0 ? "" : format_size(*offset + *size));
}

const json& list_field(const json& object, std::string_view key) {
    static const json none = json::array();
    const json* list = as_array(find(object, key));
    return list != nullptr ? *list : none;
}

bool flag_field(const json* object, std::string_view key) {
    return as_bool(find(object, key)).value_or(false);
}

}  // namespace ivshmemd::ctl
