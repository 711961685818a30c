#include "daemon/ctl/wrap.h"

#include <algorithm>

#include "daemon/ctl/console.h"

namespace ivshmemd::ctl {
namespace {

// Where the first line of `text` ends, which is wider than `width`.
std::size_t end_of_line(std::string_view text, std::size_t width) {
    const std::size_t room = fitting(text, width).size();
    const std::size_t space = text.rfind(' ', room);
    if (space != std::string_view::npos && space != 0) return space;
    // A character that is wider than the line goes there all the same.
    return room != 0 ? room : fitting(text, width + 1).size();
}

}  // namespace

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
    std::vector<std::string> lines;
    while (width != 0 && text_width(text) > width) {
        const std::size_t end = end_of_line(text, width);
        if (end == 0) break;
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    }
    if (!text.empty() || lines.empty()) lines.emplace_back(text);
    return lines;
}

}  // namespace ivshmemd::ctl
