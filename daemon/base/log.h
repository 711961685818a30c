#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace ivshmemd {

/// Opens the log, of "debug", "info", "warn", "err", "critical" or "off" and above: in the journal,
/// with fields, when systemd says that standard error goes there, else lines on standard error.
/// Nobody is waited for: lines that are not taken at once are lost, and their number is logged as
/// soon as one is taken again. From then on the process ignores SIGPIPE.
void open_log(const std::string& level);

/// Changes that of the open log.
void set_log_level(const std::string& level);

/// Whether `level` is one of these words.
bool is_log_level(const std::string& level);

// One line each, of the parts joined. Here and not at the callers, the formatting library would
// cost every unit seconds to compile.
using LogParts = std::initializer_list<std::string_view>;

/// A field of the journal's entry, e.g. {"VM", "web"}; an empty value leaves it out. Lines that do
/// not go to the journal have no fields.
struct LogField {
    std::string_view name;
    std::string_view value;
};
using LogFields = std::initializer_list<LogField>;

void log_debug(LogParts parts, LogFields fields = {});    // for developers
void log_info(LogParts parts, LogFields fields = {});     // what happened
void log_warning(LogParts parts, LogFields fields = {});  // goes on, but somebody should look
void log_error(LogParts parts, LogFields fields = {});    // a part does not work
void log_critical(LogParts parts);                        // the daemon ends

}  // namespace ivshmemd
