#pragma once

#include <string_view>

#include "lib/result.h"
#include "proto/varlink/idl_type.h"

namespace ivshmemd::varlink {

/// Parses the text of one interface, as GetInterfaceDescription hands it out.
///
/// Refused, since other implementations refuse them or the language has no such thing: names that
/// break their rule, an empty struct or enum, a trailing comma, an error without parentheses,
/// `??T`, arrays and maps of nullable things, arrays or maps, two symbols or two fields of one
/// name, types that are declared nowhere, more than 64 levels. The error's message has the line:
/// "line 7: ...".
Result<Interface> parse_interface(std::string_view text);

}  // namespace ivshmemd::varlink
