#include "daemon/base/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>

#include "daemon/base/journal.h"

namespace ivshmemd {
namespace {

// Longer ones are cut: the journal takes no longer message from a socket with usual buffers.
constexpr std::size_t longest_line = std::size_t{128} << 10;

// Lines to standard error; those that nobody takes are lost.
class LossySink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  public:
    Taken taken() const { return taken_; }  // the last line

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        if (torn_) line.push_back('\n');
        formatter_->format(message, line);
        std::string_view rest(line.data(), line.size());
        taken_ = write_at_once(STDERR_FILENO, rest);
        if (taken_ == Taken::yes || rest.size() < line.size()) torn_ = !rest.empty();
    }
    void flush_() override {}

    Taken taken_ = Taken::yes;
    bool torn_ = false;  // the last of what was taken is half a line
};

// Where the lines of this process go.
struct Log {
    std::shared_ptr<LossySink> stderr_lines;
    Journal journal;
    bool to_journal = false;
    std::uint64_t lost = 0;  // since the last line that was taken
};

Log& the_log() {
    static Log log;
    return log;
}

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

Taken send_to_journal(int priority, const std::string& line, LogFields fields) {
    std::string entry;
    append_field(entry, "PRIORITY", std::to_string(priority));
    append_field(entry, "MESSAGE", line);
    append_field(entry, "SYSLOG_IDENTIFIER", program_invocation_short_name);
    for (const LogField& field : fields) {
        if (!field.value.empty()) append_field(entry, field.name, field.value);
    }
    return the_log().journal.send(entry);
}

bool put(spdlog::level::level_enum level, const std::string& line, LogFields fields) {
    Log& log = the_log();
    if (log.to_journal) {
        const Taken taken = send_to_journal(syslog_priority(level), line, fields);
        if (taken != Taken::absent) return taken == Taken::yes;
    }
    spdlog::log(level, line);
    return !log.stderr_lines || log.stderr_lines->taken() != Taken::full;
}

// What was lost is said in its place, before the next line that is taken.
bool tell_what_was_lost() {
    Log& log = the_log();
    if (log.lost == 0) return true;
    const std::string count = std::to_string(log.lost);
    const std::string line = count + " lines of this log are lost: whoever keeps it took none";
    if (!put(spdlog::level::warn, line, {})) return false;
    log.lost = 0;
    return true;
}

void write(spdlog::level::level_enum level, LogParts parts, LogFields fields) {
    if (!spdlog::should_log(level)) return;
    std::string line;
    for (const std::string_view part : parts) line += part;
    if (line.size() > longest_line) line.resize(longest_line);
    // An entry is a line; some messages have arguments on lines of their own.
    std::replace(line.begin(), line.end(), '\n', ' ');
    if (!tell_what_was_lost() || !put(level, line, fields)) ++the_log().lost;
}

}  // namespace

void open_log(const std::string& level) {
    std::signal(SIGPIPE, SIG_IGN);  // whoever read standard error may have ended
    Log& log = the_log();
    log.stderr_lines = std::make_shared<LossySink>();
    log.to_journal = stderr_is_the_journal();
    auto logger = std::make_shared<spdlog::logger>("ivshmemd", log.stderr_lines);
    // The journal adds the time.
    logger->set_pattern(log.to_journal ? "%l: %v" : "%Y-%m-%dT%H:%M:%S.%e %l: %v");
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
