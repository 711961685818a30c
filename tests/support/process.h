#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/deadline.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

struct Command {
    std::vector<std::string> argv;                // argv[0] is looked up in PATH
    std::map<std::string, std::string> env = {};  // on top of the tests' own environment
    std::string input = {};                       // standard input
    std::vector<int> fds = {};                    // the program has them as 3, 4, ...
};

/// What to put before a command line so that the command runs as this user, in a group of the same
/// number and in `groups`, with all it makes open to its groups. Only root may do so.
std::vector<std::string> as_user(uid_t user, const std::vector<gid_t>& groups = {});

/// A background program. It dies with this object, and with the test program however that ends.
class Child {
  public:
    explicit Child(const Command& command);
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    pid_t pid() const { return pid_; }
    bool alive();
    void signal(int number);

    /// The exit code, 128 + N after death by signal N; none when the deadline passed first.
    std::optional<int> wait_exit(Deadline deadline);
    /// SIGKILL, and wait for the end.
    void kill();

    /// What it has printed so far.
    std::string out() const;
    std::string err() const;
    /// False when the deadline passed, or the program ended, before standard output held `text`.
    bool wait_out(std::string_view text, Deadline deadline);

  private:
    pid_t pid_ = -1;
    FileDescriptor pidfd_, out_, err_;
    std::optional<int> exit_code_;
};

struct RunResult {
    int exit_code = -1;
    bool timed_out = false;  // it was killed at the deadline
    std::string out, err;
};

/// Runs a program to its end.
RunResult run(const Command& command, Deadline deadline = soon());

}  // namespace ivshmemd::test
