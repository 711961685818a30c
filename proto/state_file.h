#pragma once

#include <string>
#include <string_view>

#include "lib/result.h"
#include "lib/saved_state.h"

namespace ivshmemd {

/// What a state file says.
struct ReadState {
    SavedState state;
    std::string left_out;  // what could not be read, e.g. "1 region, 2 removals"; empty: nothing
};

/// The state file: one JSON object, version 1.
std::string spell_state(const SavedState& state);

/// Keeps every entry that reads well: one that is damaged costs what it says and nothing else.
/// Internal, with what is wrong, for a file that is torn, foreign or of another version.
Result<ReadState> parse_state(std::string_view text);

}  // namespace ivshmemd
