#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/deadline.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// A program on a pseudo terminal of 80x24, with all three standard streams there. Killed with this
/// object. argv[0] is looked up in PATH; environment variables are set with env(1).
class Terminal {
  public:
    explicit Terminal(std::vector<std::string> argv);
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    /// Presses keys: "\x03" is Ctrl-C, "\t" the tabulator.
    void type(std::string_view keys);

    /// False when the deadline passed, or the program ended, before the screen got `text`.
    bool wait_text(std::string_view text, Deadline deadline = soon());
    /// Everything written so far, escape sequences and all; a line ends with "\r\n".
    const std::string& text() const { return text_; }

    /// Waits for the end of the program; the exit code, 128 + N after death by signal N. None when
    /// the deadline passed first.
    std::optional<int> wait_exit(Deadline deadline = soon());

  private:
    bool read_more(Deadline deadline);

    FileDescriptor master_;
    pid_t pid_ = -1;
    bool reaped_ = false;
    std::string text_;
};

}  // namespace ivshmemd::test
