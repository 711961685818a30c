#pragma once

#include <filesystem>
#include <string>

#include "tests/support/deadline.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

struct GuestResult {
    int status = -1;     // of the shell command
    std::string output;  // both streams
};

/// The serial line of a test guest (guest/init says what is spoken there). One command at a time; a
/// command that goes on in the background must not keep the line: "counter 0 >/dev/null 2>&1 &".
class GuestConsole {
  public:
    GuestConsole(const std::filesystem::path& serial_socket, Deadline deadline);

    /// Waits until the guest's shell is there; after a reset again. Throws with what the guest
    /// printed when the deadline passes.
    void wait_ready(Deadline deadline);
    GuestResult run(const std::string& command, Deadline deadline);

    /// Takes what has come meanwhile and returns everything so far.
    const std::string& log();

  private:
    /// Position of `marker` at or after the read position; waits for it.
    size_t wait_for(const std::string& marker, Deadline deadline);
    bool read_more(Deadline deadline);

    FileDescriptor fd_;
    std::string log_;
    size_t position_ = 0;  // everything before it was consumed
    int last_number_ = 0;
};

}  // namespace ivshmemd::test
