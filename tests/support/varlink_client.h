#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tests/support/deadline.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// A tiny Varlink client, independent of the one under test: each message is one JSON object and a
/// NUL byte. Throws std::runtime_error when a deadline passes or the service closes.
class VarlinkClient {
  public:
    explicit VarlinkClient(const std::filesystem::path& socket, Deadline deadline = soon());

    /// `method` with its interface, e.g. "io.ivshmemd.Hotplug.ListVms".
    void send(const std::string& method, const nlohmann::json& parameters, bool more = false);
    /// Bytes as they are, for what a proper client would never send.
    void send_raw(std::string_view bytes);
    /// The next reply, whole: "parameters", "error", "continues".
    nlohmann::json next_reply(Deadline deadline = soon());
    nlohmann::json call(const std::string& method, const nlohmann::json& parameters,
                        Deadline deadline = soon());

    /// Whether the service closed the connection in time, after at most unread replies.
    bool wait_closed(Deadline deadline);

  private:
    FileDescriptor fd_;
    std::string buffer_;
};

}  // namespace ivshmemd::test
