#pragma once

#include <string>
#include <string_view>

#include "proto/state_file.h"

namespace ivshmemd {

/// What is left out of a state file; "refused" when it is refused whole.
inline std::string left_out(std::string_view text) {
    const Result<ReadState> read = parse_state(text);
    return read ? read->left_out : "refused";
}

}  // namespace ivshmemd
