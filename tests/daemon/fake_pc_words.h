#pragma once

#include <string>

#include "tests/support/fake_qemu.h"
#include "tests/support/json_text.h"

// What the parts of FakePc share.
namespace ivshmemd::test {

inline nlohmann::json generic(const std::string& text) {
    return FakeQemu::error("GenericError", text);
}

/// A string member; empty when it is missing or no string.
inline std::string text_of(const nlohmann::json& object, const char* key) {
    const nlohmann::json value = member(object, key);
    return value.is_string() ? value.get<std::string>() : "";
}

}  // namespace ivshmemd::test
