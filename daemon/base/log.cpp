#include "daemon/base/log.h"

#define SD_JOURNAL_SUPPRESS_LOCATION  // it would always be this file

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <vector>

namespace ivshmemd {
namespace {

bool to_journal = false;

// systemd.exec(5), $JOURNAL_STREAM: whoever redirects standard error does not want the journal.
bool stderr_is_the_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat file {};
    if (!stream || ::fstat(STDERR_FILENO, &file) != 0) return false;
    return stream == std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino);
}

int syslog_priority(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::critical:
            return LOG_CRIT;
        case spdlog::level::err:
            return LOG_ERR;
        case spdlog::level::warn:
            return LOG_WARNING;
        case spdlog::level::info:
            return LOG_INFO;
        default:
            return LOG_DEBUG;
    }
}

bool send_to_journal(int priority, const std::string& line, LogFields fields) {
    std::vector<std::string> entry{
        "PRIORITY=" + std::to_string(priority), "MESSAGE=" + line,
        std::string("SYSLOG_IDENTIFIER=") + program_invocation_short_name};
    for (const LogField& field : fields) {
        if (field.value.empty()) continue;
        entry.push_back(std::string(field.name) + "=" + std::string(field.value));
    }
    std::vector<iovec> parts;
    for (std::string& each : entry) parts.push_back({each.data(), each.size()});
    return ::sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) == 0;
}

void write(spdlog::level::level_enum level, LogParts parts, LogFields fields) {
    if (!spdlog::should_log(level)) return;
    std::string line;
    for (const std::string_view part : parts) line += part;
    // An entry is a line; some messages have arguments on lines of their own.
    std::replace(line.begin(), line.end(), '\n', ' ');
    if (to_journal && send_to_journal(syslog_priority(level), line, fields)) return;
    spdlog::log(level, line);
}

}  // namespace

void open_log(const std::string& level) {
    auto logger = spdlog::stderr_logger_st("ivshmemd");
    to_journal = stderr_is_the_journal();
    // The journal adds the time.
    logger->set_pattern(to_journal ? "%l: %v" : "%Y-%m-%dT%H:%M:%S.%e %l: %v");
    logger->set_level(spdlog::level::from_str(level));
    spdlog::set_default_logger(std::move(logger));
}

void set_log_level(const std::string& level) {
    spdlog::default_logger()->set_level(spdlog::level::from_str(level));
}

bool is_log_level(const std::string& level) {
    return level == "off" || spdlog::level::from_str(level) != spdlog::level::off;
}

void log_debug(LogParts parts, LogFields fields) {
    write(spdlog::level::debug, parts, fields);
}

void log_info(LogParts parts, LogFields fields) {
    write(spdlog::level::info, parts, fields);
}

void log_warning(LogParts parts, LogFields fields) {
    write(spdlog::level::warn, parts, fields);
}

void log_error(LogParts parts, LogFields fields) {
    write(spdlog::level::err, parts, fields);
}

void log_critical(LogParts parts) {
    write(spdlog::level::critical, parts, {});
}

}  // namespace ivshmemd
