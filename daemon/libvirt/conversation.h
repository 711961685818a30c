#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ivshmemd::libvirt {

/// The longest command that is taken, in bytes; ivshmemd's own are far shorter.
inline constexpr std::size_t longest_command = std::size_t{64} << 10;

/// What is to be done about one message of a client: the answer is known already, or QEMU's is to
/// be fetched.
struct Request {
    std::string id;       // as JSON; empty: it has none
    std::string answer;   // the line to send; empty: `command` is to go to QEMU
    std::string refused;  // why it may not go there, for the log; else empty
    std::string command;  // a JSON object without an id
    std::string name;     // e.g. "getfd"
};

/// One client's side of a monitor, as QEMU has it: negotiation first, then commands. Holds no
/// socket.
class Conversation {
  public:
    /// Reads one frame of the Framer.
    Request take(std::string_view frame);

    /// From then on events are for the client too.
    bool negotiated() const { return negotiated_; }

  private:
    Request begin(const std::string& id, bool enables);

    bool negotiated_ = false;
};

/// The greeting, from QEMU's answer to query-version; empty when that is none. No capability is
/// offered: libvirt carries no out-of-band commands.
std::string greeting_line(std::string_view version_answer);

/// QEMU's answer with the client's id in place of libvirt's; empty when it is no answer.
std::string answer_line(std::string_view answer, const std::string& id);

std::string error_line(const std::string& error_class, const std::string& description,
                       const std::string& id);

/// `details` is a JSON object, or empty.
std::string event_line(const std::string& name, long long seconds, unsigned microseconds,
                       const std::string& details);

/// The status that a MIGRATION event tells; empty for another event.
std::string migration_status(const std::string& name, const std::string& details);

}  // namespace ivshmemd::libvirt
