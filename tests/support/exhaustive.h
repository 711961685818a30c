#pragma once

#include <cstdlib>

namespace ivshmemd::test {

/// Whether tests that repeat themselves until chance has had its say are to do so at length, which
/// takes the better part of an hour: IVSHMEMD_EXHAUSTIVE is set, as before a release.
inline bool exhaustive() {
    return std::getenv("IVSHMEMD_EXHAUSTIVE") != nullptr;
}

}  // namespace ivshmemd::test
