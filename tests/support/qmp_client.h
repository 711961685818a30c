#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/deadline.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// A raw QMP client, independent of the one under test. Throws std::runtime_error when a deadline
/// passes or QEMU closes.
class QmpClient {
  public:
    /// Connects, takes the greeting and negotiates, without capabilities.
    QmpClient(const std::filesystem::path& socket, Deadline deadline);
    ~QmpClient();

    /// The whole reply, with "return" or "error". Events that come before it are kept.
    nlohmann::json execute(const std::string& command, const nlohmann::json& arguments,
                           Deadline deadline = soon());
    nlohmann::json execute(const std::string& command);
    /// The "return" of a command that must succeed; throws with QEMU's error text otherwise.
    nlohmann::json call(const std::string& command, const nlohmann::json& arguments);
    nlohmann::json call(const std::string& command);
    /// Several commands in one write, which must all succeed.
    void call_together(const std::vector<std::pair<std::string, nlohmann::json>>& commands);
    /// For getfd and add-fd: the descriptor goes along with the command.
    nlohmann::json execute_with_fd(const std::string& command, const nlohmann::json& arguments,
                                   int fd);

    using Match = std::function<bool(const nlohmann::json& data)>;
    /// The first event of that name (whose data matches), kept or still to come; it is taken out.
    nlohmann::json wait_event(const std::string& name, Deadline deadline, const Match& match = {});
    /// Events that came and were not taken.
    const std::vector<nlohmann::json>& events() const { return events_; }

    const nlohmann::json& greeting() const { return greeting_.front(); }
    /// QEMU's version as 1000 * major + minor, e.g. 7002.
    int version() const;

  private:
    nlohmann::json next_message(Deadline deadline);
    nlohmann::json wait_reply(int id, Deadline deadline);
    nlohmann::json send(const std::string& command, const nlohmann::json& arguments, int fd,
                        Deadline deadline);

    FileDescriptor fd_;
    std::string buffer_;
    std::vector<nlohmann::json> greeting_;  // one element
    std::vector<nlohmann::json> events_;
    int last_id_ = 0;
};

}  // namespace ivshmemd::test
