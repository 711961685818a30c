#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace ivshmemd::ctl {

struct Console;

/// Says on `err` what a long wait is for, but not before 300 ms, so that quick answers stay quiet.
/// On a terminal that is one line, rewritten in place and erased by the destructor. Elsewhere it is
/// a line for each state the daemon reports, and one for `text` when 5 s have brought none; or
/// nothing.
class Progress {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    /// What to do where lines cannot be rewritten.
    enum class Plain {
        nothing,  // programs read the reply
        lines,    // people read a log
    };

    /// Seconds are counted from `start`. `text` is no state yet.
    Progress(Console& console, std::string text, TimePoint start, Plain plain = Plain::nothing);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// The state the daemon reports from now on; not yet printable().
    void set_text(std::string text);

    /// Shows the state as of `now`.
    void draw(TimePoint now);

    void erase();

  private:
    void rewrite(TimePoint now);
    void print_line();

    Console& console_;
    std::string text_;
    TimePoint start_;
    Plain plain_;
    bool unsaid_ = false;  // a state no line was printed for
    bool said_ = false;    // a line was printed
    std::size_t frame_ = 0;
    bool drawn_ = false;
};

}  // namespace ivshmemd::ctl
