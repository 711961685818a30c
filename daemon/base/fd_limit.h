#pragma once

#include <cstdint>

namespace ivshmemd {

/// Raises the limit of open files as far as it goes without privileges. What it is then.
std::uint64_t raise_descriptor_limit();

}  // namespace ivshmemd
