#include "daemon/ctl/table.h"

#include <algorithm>

#include "daemon/ctl/console.h"

namespace ivshmemd::ctl {
namespace {

constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view reset = "\x1b[0m";

std::string_view colour_of(Tone tone) {
    switch (tone) {
        case Tone::plain:
            return "";
        case Tone::good:
            return "\x1b[32m";
        case Tone::warn:
            return "\x1b[33m";
        case Tone::bad:
            return "\x1b[31m";
    }
    return "";
}

std::string shown(const Cell& cell) {
    return cell.text.empty() ? "-" : printable(cell.text);
}

void put(Console& console, std::string_view text, std::string_view colour) {
    const bool coloured = console.colour && !colour.empty();
    if (coloured) console.out << colour;
    console.out << text;
    if (coloured) console.out << reset;
}

void pad(Console& console, std::string_view text, std::size_t width) {
    console.out << std::string(width - std::min(width, text_width(text)), ' ');
}

}  // namespace

Table::Table(std::vector<std::string> headers) : headers_(std::move(headers)) {}

void Table::add(std::vector<Cell> row) {
    row.resize(headers_.size());
    rows_.push_back(std::move(row));
}

void Table::print(Console& console) const {
    std::vector<std::size_t> widths;
    for (std::size_t column = 0; column < headers_.size(); ++column) {
        std::size_t width = text_width(headers_[column]);
        for (const auto& row : rows_) width = std::max(width, text_width(shown(row[column])));
        widths.push_back(column + 1 < headers_.size() ? width + 2 : 0);
    }
    for (std::size_t column = 0; column < headers_.size(); ++column) {
        put(console, headers_[column], bold);
        pad(console, headers_[column], widths[column]);
    }
    console.out << '\n';
    for (const auto& row : rows_) {
        for (std::size_t column = 0; column < row.size(); ++column) {
            const std::string text = shown(row[column]);
            put(console, text, colour_of(row[column].tone));
            pad(console, text, widths[column]);
        }
        console.out << '\n';
    }
}

void print_fields(Console& console, const std::vector<std::pair<std::string, Cell>>& fields) {
    std::size_t width = 0;
    for (const auto& [label, cell] : fields) width = std::max(width, label.size() + 2);
    for (const auto& [label, cell] : fields) {
        console.out << label << ':';
        pad(console, label, width - 1);
        put(console, shown(cell), colour_of(cell.tone));
        console.out << '\n';
    }
}

void print_legend(Console& console, std::size_t count, std::string_view noun,
                  std::string_view advice) {
    if (!console.out_is_terminal) return;
    if (count == 0) {
        console.out << "No " << noun << "s. " << advice << '\n';
    } else {
        console.out << '\n' << count << ' ' << noun << (count == 1 ? "" : "s") << " listed.\n";
    }
}

void print_heading(Console& console, std::string_view text) {
    put(console, printable(text), bold);
    console.out << '\n';
}

void print_toned(Console& console, const Cell& cell) {
    put(console, printable(cell.text), colour_of(cell.tone));
}

}  // namespace ivshmemd::ctl
