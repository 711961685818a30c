#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace ivshmemd::ctl {

struct Console;

/// One line on `err` that says what a long wait is for, rewritten in place. Appears on a terminal
/// only and not before 300 ms, so that quick answers do not flicker; erased by the destructor.
class Progress {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    /// Seconds are counted from `start`.
    Progress(Console& console, std::string text, TimePoint start);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// What the wait is for from now on; not yet printable().
    void set_text(std::string text) { text_ = std::move(text); }

    /// Draws the line as of `now`.
    void draw(TimePoint now);

    void erase();

  private:
    Console& console_;
    std::string text_;
    TimePoint start_;
    std::size_t frame_ = 0;
    bool drawn_ = false;
};

}  // namespace ivshmemd::ctl
