#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

#include "lib/error.h"

namespace ivshmemd::test {

/// A parameter of an error, or null.
template <class T>
const T* detail(const Error& error, std::string_view key) {
    for (const auto& [name, value] : error.details) {
        if (name == key) return std::get_if<T>(&value);
    }
    return nullptr;
}

inline void expect_explained(const Error& error) {
    const auto* reason = detail<std::string>(error, "reason");
    ASSERT_TRUE(reason);
    EXPECT_FALSE(reason->empty());
    EXPECT_FALSE(error.message.empty());
}

}  // namespace ivshmemd::test
