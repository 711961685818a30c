#include "proto/state_file.h"
#include "tests/fuzz/input.h"

namespace ivshmemd::test {

/// What is read of a file is written as a file that says the same.
FUZZ_TARGET(state_file) {
    const Result<ReadState> read = parse_state(input);
    if (!read) return;
    const std::string written = spell_state(read->state);
    const Result<ReadState> again = parse_state(written);
    require(again && again->left_out.empty());
    require(spell_state(again->state) == written);
}

}  // namespace ivshmemd::test
