#pragma once

#include <sys/types.h>

#include <string>

namespace ivshmemd::ctl {

/// "ssh HOST ivshmemctl bridge" of ssh's own client, or of what IVSHMEMCTL_SSH names. Ctrl-C and a
/// hang-up are ours to act on, and not its; it ends with this object.
class Tunnel {
  public:
    Tunnel() = default;
    ~Tunnel();
    Tunnel(const Tunnel&) = delete;
    Tunnel& operator=(const Tunnel&) = delete;

    /// A non-blocking stream that the caller owns, or -1 with errno. `host` as parse_host has it.
    int start(const std::string& host);

    /// How it ended.
    struct End {
        int exit_code = -1;  // of the command on the other host, or ssh's 255; -1: not known
        std::string text;    // the last line of what it said
    };
    /// Once the stream has ended: gives it a moment to end by itself.
    End end();

  private:
    bool wait_for_exit(int milliseconds);
    std::string last_line() const;

    pid_t pid_ = -1;
    int process_ = -1;  // readable when it has ended
    int said_ = -1;     // what it wrote to standard error, as far as there is room
    int exit_code_ = -1;
};

}  // namespace ivshmemd::ctl
