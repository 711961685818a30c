#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace ivshmemd {

/// What is still to be done for the devices that the configuration declares for a VM, by name.
struct DeclaredState {
    std::set<std::string> todo;                   // to be looked at, now or when that can be done
    std::set<std::string> leaving;                // asked to go because of the configuration
    std::map<std::string, std::string> failures;  // not as declared, and why
    std::uint64_t round = 0;                      // times that everything was to be looked at
    bool settling = false;                        // somebody works on that
};

}  // namespace ivshmemd
