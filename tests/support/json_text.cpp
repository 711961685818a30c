#include "tests/support/json_text.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace ivshmemd::test {

std::optional<std::string> take_object(std::string& buffer) {
    const size_t start = buffer.find('{');
    if (start == std::string::npos) return std::nullopt;
    int depth = 0;
    bool in_string = false;
    for (size_t i = start; i < buffer.size(); ++i) {
        const char c = buffer[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{') {
            ++depth;
        } else if (c == '}' && --depth == 0) {
            std::string object = buffer.substr(start, i - start + 1);
            buffer.erase(0, i + 1);
            return object;
        }
    }
    return std::nullopt;
}

nlohmann::json parse_json(std::string_view text) {
    nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
    if (value.is_discarded()) throw std::runtime_error("not JSON: " + std::string(text));
    return value;
}

nlohmann::json member(const nlohmann::json& object, const std::string& key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nlohmann::json(nullptr) : *found;
}

}  // namespace ivshmemd::test
