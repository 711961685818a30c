#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace ivshmemd {

/// How far a migration has come, for whoever watches.
struct MigrationStep {
    std::string phase;  // detaching, migrating, arriving, replugging
    std::string text;
    std::optional<std::uint64_t> done;  // devices, or bytes while migrating
    std::optional<std::uint64_t> total;
};

using MigrationProgress = std::function<void(const MigrationStep&)>;

}  // namespace ivshmemd
