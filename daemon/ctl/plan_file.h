#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "lib/result.h"

namespace ivshmemd::ctl {

/// What a migration took out of a VM, on its way to the destination's host:
/// {"version": 1, "vm": ..., "uuid": ..., "devices": [DeviceSpec]}.
nlohmann::json make_plan(const std::string& vm, const nlohmann::json& reply);

/// Reads and checks one; "-" is standard input. The devices. InvalidParameter says what is wrong.
Result<nlohmann::json> read_plan(const std::string& path);

/// The command that plugs in on another host what a plan has, to be copied into a shell. `file`:
/// where the plan is written; without, the command brings it along.
std::string finishing_command(const nlohmann::json& plan, const std::string& host,
                              const std::optional<std::string>& file);

/// Where a plan goes. The place is taken before the migration starts: afterwards it is too late to
/// find out that it cannot be written.
class PlanFile {
  public:
    /// InvalidParameter when the file cannot be made.
    static Result<PlanFile> open(const std::string& path);
    PlanFile(PlanFile&& other) noexcept;
    PlanFile& operator=(PlanFile&&) = delete;
    ~PlanFile();  // what was not written leaves nothing behind

    /// Replaces the file, whole. False with errno when it cannot.
    bool write(const nlohmann::json& plan);

  private:
    PlanFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

    std::string path_;
    int fd_ = -1;
};

}  // namespace ivshmemd::ctl
