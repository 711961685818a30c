#pragma once

#include <string_view>

namespace ivshmemd::varlink {

// The name rules of the Varlink language.

/// Reverse-domain name of an interface: labels of letters, digits and inner dashes, at least two of
/// them, the first one starting with a letter.
bool is_interface_name(std::string_view name);

/// Name of a type, method or error: [A-Z][A-Za-z0-9]*.
bool is_member_name(std::string_view name);

/// Name of a field or of an enum's value: [A-Za-z](_?[A-Za-z0-9])*. It has no dash.
bool is_field_name(std::string_view name);

}  // namespace ivshmemd::varlink
