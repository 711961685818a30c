#include "daemon/ctl/console.h"

#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace ivshmemd::ctl {
namespace {

struct CodePoint {
    std::uint32_t value = 0;
    std::size_t length = 0;  // bytes; 0 when these bytes are no UTF-8
};

bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

std::size_t sequence_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead < 0xE0) return 2;
    if (lead >= 0xE0 && lead < 0xF0) return 3;
    if (lead >= 0xF0 && lead < 0xF5) return 4;
    return 0;
}

CodePoint decode(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = sequence_length(lead);
    if (length == 0 || length > text.size()) return {lead, 0};
    if (length == 1) return {lead, 1};
    std::uint32_t value = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if (!is_continuation(text[i])) return {lead, 0};
        value = (value << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
    }
    return {value, length};
}

// Besides C0, DEL and C1: line separators, and the marks that reorder what follows them.
bool steers_terminal(std::uint32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x200E || c == 0x200F ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

std::string escape(std::uint32_t c) {
    if (c == '\n') return "\\n";
    if (c == '\t') return "\\t";
    char buffer[16];
    std::snprintf(buffer, sizeof buffer, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
    return buffer;
}

// As glibc's tables of Unicode have it, whatever the locale of the program.
std::size_t columns_of(std::uint32_t c) {
    if (c < 0x80) return 1;
    static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    if (unicode == nullptr) return 1;
    const locale_t before = uselocale(unicode);
    const int columns = wcwidth(static_cast<wchar_t>(c));
    uselocale(before);
    return columns < 0 ? 1 : static_cast<std::size_t>(columns);
}

std::size_t terminal_width(int fd, std::size_t otherwise) {
    winsize size{};
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return otherwise;
    return size.ws_col;
}

}  // namespace

Console standard_console() {
    const bool out_is_terminal = isatty(STDOUT_FILENO) == 1;
    const char* term = std::getenv("TERM");
    return {
        .out = std::cout,
        .err = std::cerr,
        .out_is_terminal = out_is_terminal,
        .out_width = out_is_terminal ? terminal_width(STDOUT_FILENO, 0) : 0,
        .colour = obeys_escapes(out_is_terminal, term) && colour_allowed(std::getenv("NO_COLOR")),
        .err_rewritable = obeys_escapes(isatty(STDERR_FILENO) == 1, term),
        .err_width = terminal_width(STDERR_FILENO, 80)};
}

void clear_line(Console& console) {
    if (console.err_rewritable) console.err << "\r\x1b[K" << std::flush;
}

bool obeys_escapes(bool is_terminal, const char* term) {
    return is_terminal && term != nullptr && std::string_view(term) != "dumb";
}

bool colour_allowed(const char* no_color) {
    return no_color == nullptr || *no_color == '\0';
}

std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const CodePoint c = decode(text);
        if (c.length == 0 || steers_terminal(c.value)) {
            result += escape(c.value);
        } else {
            result += text.substr(0, c.length);
        }
        text.remove_prefix(std::max<std::size_t>(c.length, 1));
    }
    return result;
}

std::size_t text_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        const CodePoint c = decode(text);
        width += columns_of(c.value);
        text.remove_prefix(std::max<std::size_t>(c.length, 1));
    }
    return width;
}

std::string_view fitting(std::string_view text, std::size_t width) {
    std::size_t end = 0;
    while (end < text.size()) {
        const CodePoint c = decode(text.substr(end));
        const std::size_t columns = columns_of(c.value);
        if (columns > width) break;
        width -= columns;
        end += std::max<std::size_t>(c.length, 1);
    }
    return text.substr(0, end);
}

}  // namespace ivshmemd::ctl
