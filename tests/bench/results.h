#pragma once

#include <filesystem>

#include "tests/bench/report.h"

namespace ivshmemd::bench {

/// Writes what was measured, for tests/bench/table.py, with when and where that was, and of what.
void write_results(const std::filesystem::path& file, const Report& report);

}  // namespace ivshmemd::bench
