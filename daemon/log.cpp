#include "daemon/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace ivshmemd {
namespace {

void write(spdlog::level::level_enum level, LogParts parts) {
    if (!spdlog::should_log(level)) return;
    std::string line;
    for (const std::string_view part : parts) line += part;
    spdlog::log(level, line);
}

}  // namespace

void open_log(const std::string& level) {
    auto logger = spdlog::stderr_logger_st("ivshmemd");
    // Under systemd the journal adds the time.
    logger->set_pattern(std::getenv("JOURNAL_STREAM") ? "%l: %v" : "%Y-%m-%dT%H:%M:%S.%e %l: %v");
    logger->set_level(spdlog::level::from_str(level));
    spdlog::set_default_logger(std::move(logger));
}

void set_log_level(const std::string& level) {
    spdlog::default_logger()->set_level(spdlog::level::from_str(level));
}

bool is_log_level(const std::string& level) {
    return level == "off" || spdlog::level::from_str(level) != spdlog::level::off;
}

void log_debug(LogParts parts) {
    write(spdlog::level::debug, parts);
}

void log_info(LogParts parts) {
    write(spdlog::level::info, parts);
}

void log_warning(LogParts parts) {
    write(spdlog::level::warn, parts);
}

void log_error(LogParts parts) {
    write(spdlog::level::err, parts);
}

void log_critical(LogParts parts) {
    write(spdlog::level::critical, parts);
}

}  // namespace ivshmemd
