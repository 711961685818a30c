#pragma once

#include <string>
#include <vector>

// How QEMU reads its command line.
namespace ivshmemd {

/// QEMU takes two dashes for one.
std::string long_option(const std::string& argument);

/// The parts of "a=b,c=d"; a comma in a value is written twice.
std::vector<std::string> split_options(const std::string& text);

}  // namespace ivshmemd
