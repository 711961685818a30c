#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>

namespace ivshmemd::ctl {

/// Where a command writes, and what the other end can show. Tables go to `out`; progress and the
/// one line about a failure go to `err`, so that scripts can read `out` alone.
struct Console {
    std::ostream& out;
    std::ostream& err;
    bool out_is_terminal = false;
    std::size_t out_width = 0;    // columns of the terminal; 0: nothing is to be wrapped
    bool colour = false;          // `out` takes colour
    bool err_rewritable = false;  // `err` is a terminal that can move its cursor
    std::size_t err_width = 80;   // columns; a longer progress line would scroll
};

/// Standard output and standard error as they are now.
Console standard_console();

/// Empties the line of `err` that the cursor is in: of progress, or of the "^C" that a terminal
/// shows for Ctrl-C. Nothing unless `err` is rewritable.
void clear_line(Console& console);

/// Whether a terminal of that TERM obeys escape sequences; null when the variable is absent.
bool obeys_escapes(bool is_terminal, const char* term);

/// Whether NO_COLOR allows colour: it forbids it when present and not empty (https://no-color.org).
bool colour_allowed(const char* no_color);

/// `text` with everything that could steer a terminal or fake a second line written as an escape
/// (\n, \x1b, \u202e): names and messages can come from a VM. Bytes that are no UTF-8 become \xNN.
std::string printable(std::string_view text);

/// Columns a terminal takes for `text`, which is printable(): two for a wide character, none for a
/// combining one.
std::size_t text_width(std::string_view text);

/// The longest start of `text` that takes at most `width` columns.
std::string_view fitting(std::string_view text, std::size_t width);

}  // namespace ivshmemd::ctl
