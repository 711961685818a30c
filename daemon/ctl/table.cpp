#include "daemon/ctl/table.h"

#include <algorithm>

#include "daemon/ctl/console.h"
#include "daemon/ctl/wrap.h"

namespace ivshmemd::ctl {
namespace {

constexpr std::string_view bold = "\x1b[1m";
constexpr std::string_view reset = "\x1b[0m";

// Columns that a text which is wrapped needs at least to be read.
constexpr std::size_t narrowest_text = 16;

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

// Lines of one cell below each other, the first at the cursor, the others behind `indent` columns.
void put_wrapped(Console& console, const Cell& cell, std::size_t indent, std::size_t width) {
    const std::vector<std::string> lines = wrapped(shown(cell), width);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (i > 0) console.out << std::string(indent, ' ');
        put(console, lines[i], colour_of(cell.tone));
        console.out << '\n';
    }
}

}  // namespace

std::size_t room_behind(const Console& console, std::size_t columns) {
    if (console.out_width == 0) return 0;
    return std::max(console.out_width, columns + narrowest_text) - columns;
}

Table::Table(std::vector<std::string> headers) : headers_(std::move(headers)) {}

void Table::add(std::vector<Cell> row) {
    row.resize(headers_.size());
    rows_.push_back(std::move(row));
}

std::size_t Table::width_of(std::size_t column) const {
    std::size_t width = text_width(headers_[column]);
    for (const auto& row : rows_) width = std::max(width, text_width(shown(row[column])));
    return width;
}

void Table::print(Console& console) const {
    std::vector<std::size_t> widths;
    std::size_t before_last = 0;
    for (std::size_t column = 0; column + 1 < headers_.size(); ++column) {
        widths.push_back(width_of(column) + 2);
        before_last += widths.back();
    }
    const std::size_t last = std::min(width_of(headers_.size() - 1), narrowest_text);
    if (console.out_width != 0 && before_last + last > console.out_width) {
        print_records(console);
        return;
    }
    for (std::size_t column = 0; column < widths.size(); ++column) {
        put(console, headers_[column], bold);
        pad(console, headers_[column], widths[column]);
    }
    put(console, headers_.back(), bold);
    console.out << '\n';
    for (const auto& row : rows_) {
        for (std::size_t column = 0; column < widths.size(); ++column) {
            const std::string text = shown(row[column]);
            put(console, text, colour_of(row[column].tone));
            pad(console, text, widths[column]);
        }
        put_wrapped(console, row.back(), before_last, room_behind(console, before_last));
    }
}

// Too narrow a terminal for columns: a paragraph for each row, without what is empty.
void Table::print_records(Console& console) const {
    for (std::size_t row = 0; row < rows_.size(); ++row) {
        if (row > 0) console.out << '\n';
        std::vector<std::pair<std::string, Cell>> fields;
        for (std::size_t column = 0; column < headers_.size(); ++column) {
            if (rows_[row][column].text.empty()) continue;
            fields.emplace_back(headers_[column], rows_[row][column]);
        }
        print_fields(console, fields);
    }
}

void print_fields(Console& console, const std::vector<std::pair<std::string, Cell>>& fields) {
    std::size_t width = 0;
    for (const auto& [label, cell] : fields) width = std::max(width, label.size() + 2);
    for (const auto& [label, cell] : fields) {
        console.out << label << ':';
        pad(console, label, width - 1);
        put_wrapped(console, cell, width, room_behind(console, width));
    }
}

void print_hanging(Console& console, const Cell& lead, std::string_view text, std::size_t indent) {
    const std::string first = printable(lead.text);
    const std::vector<std::string> lines =
        wrapped(first + printable(text), room_behind(console, indent));
    // Where the lead alone is wider than that, its colour is not worth the trouble.
    const std::size_t coloured = lines.front().starts_with(first) ? first.size() : 0;
    put(console, lines.front().substr(0, coloured), colour_of(lead.tone));
    console.out << lines.front().substr(coloured) << '\n';
    for (std::size_t i = 1; i < lines.size(); ++i) {
        console.out << std::string(indent, ' ') << lines[i] << '\n';
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
