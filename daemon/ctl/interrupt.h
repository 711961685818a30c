#pragma once

#include <csignal>

namespace ivshmemd::ctl {

/// While it lives, Ctrl-C does not end the program but makes a descriptor readable, so that a wait
/// can end with a word about what goes on without us. A SIGINT that is ignored, as in a background
/// job, stays ignored.
class Interrupt {
  public:
    Interrupt();
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    /// -1 when SIGINT is ignored.
    int descriptor() const { return fd_; }

  private:
    int fd_ = -1;
    sigset_t before_{};
};

}  // namespace ivshmemd::ctl
