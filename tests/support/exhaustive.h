#pragma once

#include <cstdlib>

namespace ivshmemd::test {

/// Whether tests that repeat themselves until chance has had its say are to do so at length, which
/// takes the better part of an hour: IVSHMEMD_EXHAUSTIVE is set, as before a release.
inline bool exhaustive() {
    return std::getenv("IVSHMEMD_EXHAUSTIVE") != nullptr;
}

/// What takes turns because there is too much of it for one run goes by this number: IVSHMEMD_TURN,
/// which ./dev counts up with every commit.
inline unsigned long turn_of_this_run() {
    const char* turn = std::getenv("IVSHMEMD_TURN");
    return turn ? std::strtoul(turn, nullptr, 10) : 0;
}

}  // namespace ivshmemd::test
