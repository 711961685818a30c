#include "daemon/ctl/progress.h"

#include <string_view>

#include "daemon/ctl/console.h"

namespace ivshmemd::ctl {
namespace {

constexpr std::chrono::milliseconds quiet{300};
constexpr std::string_view frames = "|/-\\";
constexpr std::string_view start_of_line_and_clear = "\r\x1b[K";

// Shortened to `width` columns: a wrapped line could not be rewritten in place.
std::string fitted(const std::string& text, std::size_t width) {
    if (text_width(text) <= width) return text;
    std::size_t bytes = 0;
    for (std::size_t columns = 0; bytes < text.size(); ++bytes) {
        columns += text_width(std::string_view(text).substr(bytes, 1));
        if (columns + 3 > width) break;
    }
    return text.substr(0, bytes) + "...";
}

}  // namespace

Progress::Progress(Console& console, std::string text, TimePoint start)
    : console_(console), text_(std::move(text)), start_(start) {}

Progress::~Progress() {
    erase();
}

void Progress::draw(TimePoint now) {
    if (!console_.err_rewritable || now - start_ < quiet) return;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - start_).count();
    const std::string tail = " (" + std::to_string(seconds) + " s)";
    const std::size_t taken = 3 + tail.size();  // spinner, blank, and the last column stays free
    const std::size_t room = console_.err_width > taken + 3 ? console_.err_width - taken : 3;
    console_.err << start_of_line_and_clear << frames[frame_++ % frames.size()] << ' '
                 << fitted(printable(text_), room) << tail << std::flush;
    drawn_ = true;
}

void Progress::erase() {
    if (drawn_) console_.err << start_of_line_and_clear << std::flush;
    drawn_ = false;
}

}  // namespace ivshmemd::ctl
