#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ivshmemd::ctl {

/// `text`, which is printable(), in lines of at most `width` columns, broken at spaces; a word that
/// is longer is broken anywhere. At least one line; all of it in one when `width` is 0.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

}  // namespace ivshmemd::ctl
