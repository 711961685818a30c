#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace ivshmemd::test {

/// Takes the first whole JSON object off the front of `buffer`, with what stands before it (blanks,
/// line ends); none while it is incomplete. A client need not end its commands with a newline.
std::optional<std::string> take_object(std::string& buffer);

/// Parses, or throws std::runtime_error that shows the text.
nlohmann::json parse_json(std::string_view text);

/// The member, or null when there is none.
nlohmann::json member(const nlohmann::json& object, const std::string& key);

}  // namespace ivshmemd::test
