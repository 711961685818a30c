#pragma once

#include <span>
#include <string_view>

#include "proto/json.h"

// The parts of refusal(): whether the arguments of one command (null: none) have the shape that
// ivshmemd gives them.

namespace ivshmemd::libvirt {

using Keys = std::span<const std::string_view>;

bool is_among(Keys keys, std::string_view key);
/// Whether there is no member but these.
bool has_only(const json* object, Keys keys);
/// A member that is a text; else empty.
std::string_view word(const json* object, std::string_view key);

bool adds_our_backend(const json* arguments);
bool deletes_our_backend(const json* arguments);
bool adds_our_device(const json* arguments);
bool deletes_our_device(const json* arguments);
bool adds_our_chardev(const json* arguments);
bool removes_our_chardev(const json* arguments);
bool names_our_descriptor(const json* arguments);
bool names_our_set(const json* arguments);

}  // namespace ivshmemd::libvirt
