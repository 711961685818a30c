#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace ivshmemd {

/// Opens the log on standard error: "debug", "info", "warn", "err", "critical" or "off" and above.
void open_log(const std::string& level);

/// Changes that of the open log.
void set_log_level(const std::string& level);

/// Whether `level` is one of these words.
bool is_log_level(const std::string& level);

// One line each, of the parts joined. Here and not at the callers, the formatting library would
// cost every unit seconds to compile.
using LogParts = std::initializer_list<std::string_view>;
void log_debug(LogParts parts);     // for developers
void log_info(LogParts parts);      // what happened
void log_warning(LogParts parts);   // goes on, but somebody should look
void log_error(LogParts parts);     // a part does not work
void log_critical(LogParts parts);  // the daemon ends

}  // namespace ivshmemd
