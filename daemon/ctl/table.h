#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ivshmemd::ctl {

struct Console;

enum class Tone {
    plain,  // nothing to say
    good,   // as it should be
    warn,   // under way, or not up to date
    bad,    // wants attention
};

struct Cell {
    std::string text;  // not yet printable(); empty shows as "-"
    Tone tone = Tone::plain;
};

/// Columns as wide as their content, left-aligned, two spaces apart, the last one not padded. Text
/// is made printable() here, at the one place where it leaves. On a terminal that is too narrow the
/// last column is wrapped; where that is not enough, each row becomes a paragraph of fields.
class Table {
  public:
    explicit Table(std::vector<std::string> headers);

    void add(std::vector<Cell> row);
    void print(Console& console) const;

  private:
    std::size_t width_of(std::size_t column) const;
    void print_records(Console& console) const;

    std::vector<std::string> headers_;
    std::vector<std::vector<Cell>> rows_;
};

/// "label: value" lines with the values aligned, and wrapped where the terminal is too narrow.
void print_fields(Console& console, const std::vector<std::pair<std::string, Cell>>& fields);

/// `lead`, and the text right behind it, in lines that fit the terminal; all but the first behind
/// `indent` columns, and the first behind what is in its line already, which is no more.
void print_hanging(Console& console, const Cell& lead, std::string_view text, std::size_t indent);

/// What is left of a line behind so many columns, at least enough to read in; 0 when lines may have
/// any length.
std::size_t room_behind(const Console& console, std::size_t columns);

/// What ends a list for people: "1 device listed.", or "No devices." and in `advice` what to do
/// about it. Nothing unless `out` is a terminal.
void print_legend(Console& console, std::size_t count, std::string_view noun,
                  std::string_view advice);

/// A line of its own that stands out where `out` takes colour; not yet printable().
void print_heading(Console& console, std::string_view text);

/// Text in the colour of its tone, if `out` takes colour; not yet printable().
void print_toned(Console& console, const Cell& cell);

}  // namespace ivshmemd::ctl
