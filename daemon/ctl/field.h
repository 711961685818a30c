#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace ivshmemd::ctl {

/// Member `key` as text: strings as they are, numbers in decimal, booleans as yes and no, lists
/// with commas between; empty when there is nothing, or something that is none of these.
std::string text_field(const nlohmann::json* object, std::string_view key);

/// Member `key`, a model or several, as QEMU spells them: "ivshmem-plain".
std::string model_field(const nlohmann::json* object, std::string_view key);

/// Member `key`, a number of bytes, as in "64M".
std::string size_field(const nlohmann::json* object, std::string_view key);

/// Member `key`, ascending numbers, with runs joined: "3-29,31".
std::string ranges_field(const nlohmann::json* object, std::string_view key);

/// What a user of a region maps of it, as in "64M-128M"; empty for all of it.
std::string window_field(const nlohmann::json& region, const nlohmann::json& user);

/// Member `key`, a list; an empty one when there is none.
const nlohmann::json& list_field(const nlohmann::json& object, std::string_view key);

/// Whether member `key` is true.
bool flag_field(const nlohmann::json* object, std::string_view key);

}  // namespace ivshmemd::ctl
