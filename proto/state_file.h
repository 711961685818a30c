#pragma once

#include <string>
#include <string_view>

#include "lib/result.h"
#include "lib/saved_state.h"

namespace ivshmemd {

/// The state file: one JSON object, version 1.
std::string spell_state(const SavedState& state);

/// Internal, with what is wrong, for a file that is torn, foreign or of another version.
Result<SavedState> parse_state(std::string_view text);

}  // namespace ivshmemd
