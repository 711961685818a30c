#pragma once

#include <string>
#include <string_view>

namespace ivshmemd {

/// Writes all of it, however many pieces that takes. False with errno.
bool write_all(int fd, std::string_view text);

/// Temp + fsync + rename: a reader sees the old file or the new one, whatever happens. Blocks. An
/// errno, or 0.
int replace_file(const std::string& path, const std::string& text);

}  // namespace ivshmemd
