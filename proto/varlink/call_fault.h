#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ivshmemd::varlink {

/// Where the bounded parser refused a call for its nesting, a repeated key or U+0000, finds out
/// whether only its parameters are to blame: answers the name of the first such parameter, and
/// nothing when any offence lies outside of the parameters or in a key. Never builds a value, so
/// the text may be nested to any depth; text that is no JSON gives no answer either.
std::optional<std::string> find_faulty_parameter(std::string_view text, int max_depth);

}  // namespace ivshmemd::varlink
