#pragma once

#include <cstdint>

namespace ivshmemd::soak {

struct Plan {
    std::uint64_t minutes = 1;
    std::uint64_t seed = 1;
    std::uint64_t cycles = 0;  // instead of minutes of everything
};

/// 0 when all was as it should be, 1 with what was not on standard output.
int run(const Plan& plan);

}  // namespace ivshmemd::soak
