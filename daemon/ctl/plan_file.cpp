#include "daemon/ctl/plan_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "daemon/base/file.h"
#include "daemon/ctl/field.h"
#include "lib/names.h"
#include "lib/shell_word.h"
#include "proto/api/migration_values.h"
#include "proto/json.h"

namespace ivshmemd::ctl {
namespace {

constexpr std::int64_t version = 1;
constexpr JsonLimits limits{1 << 20, 16, true, true};

Error bad_plan(const std::string& path, const std::string& why) {
    return Error(ErrorKind::invalid_parameter,
                 (path == "-" ? "standard input" : path) + " is no plan: " + why);
}

std::string temporary(const std::string& path) {
    return path + ".new";
}

// All of it, or what the limit lets through and one byte more.
std::optional<std::string> read_all(int fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.size() <= limits.max_bytes) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::nullopt;
        if (count == 0) break;
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return text;
}

std::optional<std::string> read_text(const std::string& path) {
    if (path == "-") return read_all(STDIN_FILENO);
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    std::optional<std::string> text = read_all(fd);
    ::close(fd);
    return text;
}

std::string unknown_member(const json& plan) {
    for (const auto& [key, value] : plan.items()) {
        if (key != "version" && key != "vm" && key != "uuid" && key != "devices") return key;
    }
    return "";
}

}  // namespace

json make_plan(const std::string& vm, const json& reply) {
    json plan = {{"version", version}, {"vm", vm}, {"uuid", nullptr}};
    if (const std::string* uuid = as_string(find(reply, "uuid"))) plan["uuid"] = *uuid;
    const json* devices = as_array(find(reply, "detached"));
    plan["devices"] = devices ? *devices : json::array();
    return plan;
}

Result<json> read_plan(const std::string& path) {
    const std::optional<std::string> text = read_text(path);
    if (!text) {
        return Error(ErrorKind::invalid_parameter,
                     "cannot read " + path + ": " + std::strerror(errno));
    }
    const ParsedJson parsed = parse_json(*text, limits);
    if (!parsed) return bad_plan(path, parsed.detail);
    const json& plan = *parsed.value;
    if (!as_object(&plan)) return bad_plan(path, "not an object");
    if (as_int(find(plan, "version")) != version) return bad_plan(path, "not of version 1");
    if (const std::string key = unknown_member(plan); !key.empty()) {
        return bad_plan(path, "unknown member " + ivshmemd::printable(key, 80));
    }
    if (!as_string(find(plan, "vm"))) return bad_plan(path, "vm is missing");
    const json* uuid = find(plan, "uuid");
    if (uuid && !uuid->is_null() && !as_string(uuid)) return bad_plan(path, "uuid is no text");
    const json* devices = find(plan, "devices");
    if (!devices) return bad_plan(path, "devices are missing");
    const Result<std::vector<DeviceSpec>> specs = api::read_specs(*devices);
    if (!specs) return bad_plan(path, specs.error().message);
    return Result<json>(*devices);
}

std::string finishing_command(const json& plan, const std::string& host,
                              const std::optional<std::string>& file) {
    const std::string replug = "ivshmemctl -H " + shell_word(host) + " replug " +
                               shell_word(text_field(&plan, "vm")) + " --plan ";
    if (file && *file != "-") return replug + shell_word(*file);
    const std::string text = plan.dump(-1, ' ', true, json::error_handler_t::replace);
    return "printf %s " + shell_word(text) + " | " + replug + "-";
}

Result<PlanFile> PlanFile::open(const std::string& path) {
    const int fd = ::open(temporary(path).c_str(),
                          O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0) {
        return Error(ErrorKind::invalid_parameter,
                     "cannot write " + path + ": " + std::strerror(errno));
    }
    return PlanFile(path, fd);
}

PlanFile::PlanFile(PlanFile&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

PlanFile::~PlanFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    ::unlink(temporary(path_).c_str());
}

bool PlanFile::write(const json& plan) {
    if (!write_all(fd_, dump_json(plan) + "\n") || ::fsync(fd_) != 0) return false;
    if (std::rename(temporary(path_).c_str(), path_.c_str()) != 0) return false;
    ::close(std::exchange(fd_, -1));
    return true;
}

}  // namespace ivshmemd::ctl
