#pragma once

#include <cstdint>

namespace ivshmemd::soak {

struct Plan {
    std::uint64_t minutes = 1;
    std::uint64_t seed = 1;
    // Instead of minutes of everything
    std::uint64_t cycles = 0;
    std::uint64_t kills = 0;
    std::uint64_t fake_kills = 0;
};

/// 0 when all was as it should be, 1 with what was not on standard output.
int run(const Plan& plan);

/// The same for a daemon that is killed beside machines that are fakes, which takes less time.
int run_fake_kills(const Plan& plan);

}  // namespace ivshmemd::soak
