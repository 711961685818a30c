#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ivshmemd::ctl {

/// The candidate that `word` was probably meant to be: the only one that starts with it, else the
/// one that fewest slips of a finger (a letter too many, missing, wrong, or two swapped) away, if
/// these are few for its length. Empty when none is near.
std::string closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace ivshmemd::ctl
