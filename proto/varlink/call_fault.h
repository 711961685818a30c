#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/json.h"

namespace ivshmemd::varlink {

struct FaultyCall {
    std::string parameter;  // the first one to blame
    Document envelope;      // the call with every array and object in it left empty
};

/// Where the bounded parser refused a call for its nesting, a repeated key or U+0000, finds out
/// whether only its parameters are to blame: answers the first such parameter, and nothing when any
/// offence lies outside of the parameters or in a key. Builds nothing of what is nested, so the
/// text may be nested to any depth; text that is no JSON gives no answer either.
std::optional<FaultyCall> find_faulty_parameter(std::string_view text, int max_depth);

}  // namespace ivshmemd::varlink
