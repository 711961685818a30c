#include "lib/time_of_day.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace ivshmemd {
namespace {

using namespace std::chrono;

// Takes what it reads off the text.
class TimeReader {
  public:
    explicit TimeReader(std::string_view text) : rest_(text) {}

    /// A number of exactly so many digits, at most `most`.
    int number(std::size_t digits, int most) {
        int value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') return fail();
            value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return value <= most ? value : fail();
    }

    /// One of these bytes; 0 when it is none.
    char one_of(std::string_view bytes) {
        if (rest_.empty() || bytes.find(rest_.front()) == std::string_view::npos) return 0;
        const char byte = rest_.front();
        rest_.remove_prefix(1);
        return byte;
    }
    void expect(std::string_view bytes) {
        if (!one_of(bytes)) fail();
    }

    /// Milliseconds, where there is a fraction; what is finer is dropped.
    int fraction() {
        if (!one_of(".")) return 0;
        int value = 0;
        int digits = 0;
        for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++digits) {
            if (digits < 3) value = value * 10 + (rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        for (int i = digits; i < 3; ++i) value *= 10;
        return digits > 0 ? value : fail();
    }

    /// Minutes east of Greenwich.
    int offset() {
        const char sign = one_of("Zz+-");
        if (sign == 0) return fail();
        if (sign == 'Z' || sign == 'z') return 0;
        const int hour = number(2, 23);
        expect(":");
        const int minutes = hour * 60 + number(2, 59);
        return sign == '+' ? minutes : -minutes;
    }

    bool well() const { return well_ && rest_.empty(); }

  private:
    int fail() {
        well_ = false;
        return 0;
    }

    std::string_view rest_;
    bool well_ = true;
};

}  // namespace

std::string spell_time_of_day(std::int64_t time) {
    const sys_time<milliseconds> point{milliseconds(time)};
    const auto day = floor<days>(point);
    const year_month_day date(day);
    const hh_mm_ss clock(point - day);
    std::array<char, sizeof "-32767-12-31T23:59:59.999Z"> text{};
    const int length = std::snprintf(
        text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
        static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
        static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
        static_cast<int>(clock.subseconds().count()));
    return {text.data(), static_cast<std::size_t>(length)};
}

std::optional<std::int64_t> parse_time_of_day(std::string_view text) {
    TimeReader reader(text);
    const int year_number = reader.number(4, 9999);
    reader.expect("-");
    const int month_number = reader.number(2, 12);
    reader.expect("-");
    const int day_number = reader.number(2, 31);
    reader.expect("Tt ");
    const int hour = reader.number(2, 23);
    reader.expect(":");
    const int minute = reader.number(2, 59);
    reader.expect(":");
    const int second = reader.number(2, 60);  // one may be inserted
    const int fraction = reader.fraction();
    const int offset = reader.offset();
    const year_month_day date{year(year_number), month(static_cast<unsigned>(month_number)),
                              day(static_cast<unsigned>(day_number))};
    if (!reader.well() || !date.ok()) return std::nullopt;
    const auto point = sys_days(date) + hours(hour) + minutes(minute - offset) + seconds(second);
    return duration_cast<milliseconds>(point.time_since_epoch()).count() + fraction;
}

}  // namespace ivshmemd
