#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "proto/varlink/idl_type.h"

namespace ivshmemd::varlink {

enum class EmptyStrings {
    allowed,
    refused,  // "" is an offence wherever the interface says string
};

/// Compares an object with the struct it is to be: a call's parameters, a reply's, or an error's.
/// Answers nothing when it fits, otherwise the path of the first offence, such as "vm" or
/// "devices[0].role": a member that is not declared, one that is missing or null without being
/// nullable, or a value of another type. Undeclared members are reported before the others.
///
/// Integers are whole numbers of 64 bits with a sign, not 1.0; a float may be any number; what is
/// inside an `object` is not looked at. `interface` declares the named types.
std::optional<std::string> check(const Interface& interface, const StructType& type,
                                 const nlohmann::json& object,
                                 EmptyStrings empty_strings = EmptyStrings::allowed);

}  // namespace ivshmemd::varlink
