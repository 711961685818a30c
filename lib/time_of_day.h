#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ivshmemd {

// Times of day are milliseconds since 1970, UTC.

/// "2026-03-01T09:30:00.125Z".
std::string spell_time_of_day(std::int64_t time);

/// The same as RFC 3339 has it: with or without a fraction, which may be longer, and with Z or an
/// offset such as +02:00. Nothing for anything else, and for days that no calendar has.
std::optional<std::int64_t> parse_time_of_day(std::string_view text);

}  // namespace ivshmemd
