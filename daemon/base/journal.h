#pragma once

#include <string>
#include <string_view>

#include "daemon/base/unique_fd.h"

namespace ivshmemd {

/// What came of handing a line to whoever keeps the log.
enum class Taken {
    yes,
    full,    // it would have to be waited for
    absent,  // nobody is there
};

/// The journal's socket, which is never waited for: a journal that stands still (its disk is full,
/// its process is stopped) must not stop whoever logs. libsystemd's own calls wait, hence the
/// native protocol here (systemd's documentation, "Native Journal Protocol").
class Journal {
  public:
    explicit Journal(std::string path = "/run/systemd/journal/socket") : path_(std::move(path)) {}

    /// One entry, of fields appended with append_field().
    Taken send(std::string_view entry);

  private:
    std::string path_;
    UniqueFd socket_;  // made at first use
};

/// Appends "NAME=value\n". A line end in the value becomes a space.
void append_field(std::string& entry, std::string_view name, std::string_view value);

/// Writes to a pipe, a socket, a terminal or a file, without waiting for whoever reads it. `bytes`
/// is what is left of them then: nothing, or what was not taken. SIGPIPE has to be ignored: a pipe
/// whose reader has ended raises it.
Taken write_at_once(int fd, std::string_view& bytes);

}  // namespace ivshmemd
