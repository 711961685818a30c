#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "daemon/ctl/address.h"
#include "daemon/ctl/answer.h"

namespace ivshmemd::ctl {

inline constexpr std::chrono::milliseconds connect_deadline{5'000};
// For ssh, which may have to be told a password on a terminal.
inline constexpr std::chrono::milliseconds host_deadline{120'000};
// Longer than any single deadline of the daemon, so that its own answer comes first.
inline constexpr std::chrono::milliseconds reply_deadline{90'000};

class Connection;

/// How to wait for the last reply.
struct Wait {
    std::chrono::milliseconds deadline = reply_deadline;
    bool changes_something = false;  // the daemon carries on when we stop waiting
    bool more = false;               // ask for replies before the last
    /// Takes the parameters of every reply before the last; may be empty.
    std::function<void(const nlohmann::json&)> progress;
    /// Called about ten times a second while nothing comes; may be empty.
    std::function<void()> tick;
    /// Readable as soon as the user wants to stop waiting; -1 for never.
    int interrupt = -1;
};

/// One call on a connection of its own. `method` is qualified. Never throws for what the other side
/// does: no daemon, silence, garbage and a closed connection are all answers.
Answer call_daemon(const Address& address, std::string_view method,
                   const nlohmann::json& parameters, const Wait& wait);

/// What Connection::connect's `error` means there.
Answer not_connected(const Address& address, int error);

/// Several calls on one connection, one after the other, for what lasts as long as that does. The
/// first one connects, and asks the daemon of another host for its name before anything else: what
/// fails until then has begun nothing.
class Line {
  public:
    /// `interrupt` as in Wait, for all of them.
    Line(Address address, int interrupt);
    ~Line();

    Answer call(std::string_view method, const nlohmann::json& parameters, const Wait& wait);

    /// Between two calls readable when the daemon has closed it; -1 without a connection.
    int descriptor() const;

  private:
    Answer connect(const Wait& wait);

    Address address_;
    std::unique_ptr<Connection> connection_;
    bool connected_ = false;
};

}  // namespace ivshmemd::ctl
