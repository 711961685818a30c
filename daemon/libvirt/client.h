#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/base/unique_fd.h"
#include "daemon/libvirt/conversation.h"
#include "proto/qmp/framer.h"

namespace ivshmemd::libvirt {

/// One client of one domain's monitor, from the greeting to its end.
///
/// Invariant: commands go to QEMU one after the other in the order they came, and nothing more is
/// read while one is there; events overtake them.
class Client : public std::enable_shared_from_this<Client> {
  public:
    using Socket = LocalSocket;
    /// Carries a command out, with which a descriptor may go: the line to answer, or nothing when
    /// nobody knows what became of it.
    using Forward = std::function<awaitable<std::optional<std::string>>(Request, UniqueFd)>;

    Client(Socket socket, std::string vm, Forward forward)
        : socket_(std::move(socket)), vm_(std::move(vm)), forward_(std::move(forward)) {}

    /// Serves it until it leaves or end() is called.
    awaitable<void> serve(std::string greeting);

    /// Passes on what its QEMU tells.
    void tell(const std::string& event_line);
    void end();

  private:
    awaitable<bool> read_more();
    awaitable<void> take_frames();
    awaitable<void> answer(std::string frame);
    UniqueFd next_descriptor();
    void send(std::string line);
    awaitable<void> write();

    Socket socket_;
    std::string vm_;
    Forward forward_;
    qmp::Framer framer_{longest_command};
    Conversation conversation_;
    std::deque<UniqueFd> descriptors_;  // that no command has taken yet
    std::deque<std::string> outbox_;
    std::size_t unsent_ = 0;  // bytes
    bool writing_ = false;
    bool ended_ = false;
};

}  // namespace ivshmemd::libvirt
