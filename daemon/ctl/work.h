#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

#include "lib/result.h"

namespace ivshmemd::ctl {

/// While it lives, requests to end (SIGINT, SIGTERM, SIGHUP) do not end the program but can be read
/// here, and so can the end of a child. One of them that is ignored stays so.
class EndRequests {
  public:
    EndRequests();
    ~EndRequests();
    EndRequests(const EndRequests&) = delete;
    EndRequests& operator=(const EndRequests&) = delete;

    /// Readable when somebody wants the program to end.
    int descriptor() const { return requests_; }
    /// Readable when a child may have ended.
    int child_descriptor() const { return children_; }
    /// The signals that were sent to this program alone since the last call: what a terminal sends
    /// for Ctrl-C reaches its child as well.
    std::vector<int> take();
    /// Makes the other descriptor unreadable.
    void take_children();
    /// What was blocked before.
    const sigset_t& mask_before() const { return before_; }

  private:
    int requests_ = -1;
    int children_ = -1;
    sigset_t before_{};
};

/// Whether there is a program of that name to run, as far as can be told without running it; found
/// as Work::start finds it, and with the same errors.
Result<void> check_program(const std::string& name);

/// A command that runs with our standard streams.
class Work {
  public:
    /// Looks for the program as a shell does. An error has what a shell would exit with: see
    /// exit_code_of_failure.
    static Result<Work> start(const std::vector<std::string>& words, const EndRequests& requests);

    void send(int signal) const;
    /// Whether it has ended; its exit code is a shell's then, 128 and the signal's number if one
    /// ended it.
    bool ended();
    int exit_code() const { return exit_code_; }

  private:
    explicit Work(pid_t pid) : pid_(pid) {}

    pid_t pid_;
    int exit_code_ = -1;
};

/// 127 when there is no such program, 126 when it cannot be run.
int exit_code_of_failure(const Error& error);

}  // namespace ivshmemd::ctl
