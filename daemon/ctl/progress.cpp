#include "daemon/ctl/progress.h"

#include <string_view>

#include "daemon/ctl/console.h"
#include "daemon/ctl/output.h"

namespace ivshmemd::ctl {
namespace {

constexpr std::chrono::milliseconds quiet{300};
constexpr std::chrono::seconds silence{5};  // in a log, until the activity itself is said
constexpr std::string_view frames = "|/-\\";

// Shortened to `width` columns: a wrapped line could not be rewritten in place.
std::string fitted(const std::string& text, std::size_t width) {
    constexpr std::string_view ellipsis = "...";
    if (text_width(text) <= width) return text;
    return std::string(fitting(text, width - ellipsis.size())).append(ellipsis);
}

}  // namespace

Progress::Progress(Console& console, std::string text, TimePoint start, Plain plain)
    : console_(console), text_(std::move(text)), start_(start), plain_(plain) {}

Progress::~Progress() {
    erase();
}

void Progress::set_text(std::string text) {
    if (text == text_) return;
    text_ = std::move(text);
    unsaid_ = true;
}

void Progress::draw(TimePoint now) {
    if (now - start_ < quiet) return;
    if (console_.err_rewritable) {
        rewrite(now);
    } else if (plain_ == Plain::lines && (unsaid_ || (!said_ && now - start_ >= silence))) {
        print_line();
    }
}

void Progress::rewrite(TimePoint now) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - start_).count();
    const std::string tail = " (" + std::to_string(seconds) + " s)";
    const std::size_t taken = 3 + tail.size();  // spinner, blank, and the last column stays free
    const std::size_t room = console_.err_width > taken + 3 ? console_.err_width - taken : 3;
    clear_line(console_);
    console_.err << frames[frame_++ % frames.size()] << ' ' << fitted(printable(text_), room)
                 << tail << std::flush;
    drawn_ = true;
}

void Progress::print_line() {
    print_message(text_, console_);
    console_.err.flush();
    unsaid_ = false;
    said_ = true;
}

void Progress::erase() {
    if (drawn_) clear_line(console_);
    drawn_ = false;
}

}  // namespace ivshmemd::ctl
