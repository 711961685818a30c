#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/deadline.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// A point in a conversation with QEMU.
struct QmpPoint {
    enum class Moment {
        asked,     // the client has sent the command, and QEMU has not heard of it
        answered,  // QEMU has carried it out, and the client has not heard of that
        told,      // QEMU has sent the event, and the client has not heard of it
    };
    Moment moment;
    std::string name;           // of the command, or of the event
    std::string contains = {};  // what its text has to have in it
};

void PrintTo(const QmpPoint& point, std::ostream* out);

/// Stands between a QMP client and a QEMU's monitor. It passes everything on both ways, descriptors
/// included, until it is to do something at a certain point: to kill one of the two, for one.
class QmpRelay {
  public:
    /// Listens at `path`, where it takes the place of `monitor`, on a thread of its own.
    QmpRelay(std::filesystem::path path, std::filesystem::path monitor);
    ~QmpRelay();

    const std::filesystem::path& path() const { return path_; }

    /// When the conversation reaches this point: calls `action` and ends the connection, so that
    /// nothing of what follows reaches the other side. The next one is not concerned.
    void stop_at(QmpPoint point, std::function<void()> action);
    /// False when the deadline passed before that.
    bool wait_stopped(Deadline deadline);

  private:
    struct Connection;

    void serve();
    void relay(Connection& connection);
    bool pass_commands(Connection& connection);
    bool pass_answers(Connection& connection);
    bool is_point(Connection& connection, const nlohmann::json& message, const std::string& text);
    void stop();

    std::filesystem::path path_;
    std::filesystem::path monitor_;
    FileDescriptor listener_;
    FileDescriptor end_;
    std::mutex mutex_;
    std::condition_variable stopped_;
    std::optional<QmpPoint> point_;
    std::function<void()> action_;
    std::thread thread_;
};

}  // namespace ivshmemd::test
