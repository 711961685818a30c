#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>

namespace ivshmemd {

struct ThreadState {
    bool running = false;     // or ready to
    std::uint64_t waits = 0;  // how often it has waited for something so far

    bool operator==(const ThreadState&) const = default;
};
using Threads = std::map<pid_t, ThreadState>;  // by their ids

/// Nothing when /proc does not tell.
std::optional<Threads> threads_of(pid_t pid);

/// Which of a process's threads have rested since this began: one that two looks in a row find in
/// the same wait has, for at least the time between them. A shorter wait, as for a lock, is no
/// rest. Does no I/O.
class RestWatch {
  public:
    /// `but`: a thread that is of no interest.
    RestWatch(const Threads& first, pid_t but);
    void look(const Threads& now);
    /// Those that have not rested; one that has ended is not among them.
    const std::set<pid_t>& restless() const { return restless_; }

  private:
    Threads last_;
    std::set<pid_t> restless_;
};

}  // namespace ivshmemd
