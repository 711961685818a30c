#pragma once

#include <filesystem>

namespace ivshmemd::bench {

/// What of a program stays when it is stripped and is never written: what size(1) calls text.
/// In MiB.
double text_of(const std::filesystem::path& program);

}  // namespace ivshmemd::bench
