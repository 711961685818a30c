// Does to a host of real machines, for minutes or hours, whatever may happen to one, in an order
// that a seed decides; looks after each round whether all is as it should be, and reports.
//
//   ivshmemd-soak [--minutes N] [--seed N]      mixed operations and faults
//   ivshmemd-soak --cycles N                    attach and detach, that often on every machine
//   ivshmemd-soak --kills N [--seed N]          kill and stop things while operations are under way
//   ivshmemd-soak --fake-kills N [--seed N]     kill the daemon so, beside fakes

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/soak/soak.h"

int main(int argc, char** argv) {
    using namespace ivshmemd::soak;
    Plan plan;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string option = argv[i];
        const std::uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
        if (option == "--minutes") {
            plan.minutes = value;
        } else if (option == "--seed") {
            plan.seed = value;
        } else if (option == "--cycles") {
            plan.cycles = value;
        } else if (option == "--kills") {
            plan.kills = value;
        } else if (option == "--fake-kills") {
            plan.fake_kills = value;
        } else {
            std::fprintf(stderr, "unknown option %s\n", argv[i]);
            return 2;
        }
    }
    return plan.fake_kills > 0 ? run_fake_kills(plan) : run(plan);
}
