#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "lib/error.h"
#include "lib/result.h"
#include "proto/qmp/message.h"

namespace ivshmemd::qmp {

/// The table of one connection's calls: which ids wait for a reply, which were given up. It holds
/// neither sockets nor timers nor replies. The session keeps a slot for each waiting id (a wake-up
/// and room for the reply) and asks the table what each message means.
///
/// One call, as the session runs it:
///   add() -> id; make the slot, send the command, wait for the slot's wake-up or the deadline;
///   on_message() says matched: the slot of that id gets the message, then the wake-up;
///   close() returns the ids whose slots get the wake-up, all for the one cause;
///   after waking, the slot decides and not what woke it: a message in the slot is the answer, even
///   when the connection closed or the deadline passed meanwhile; else the cause(), if closed; else
///   abandon() the id and report the deadline.
///
/// A deadline does not undo a command: its reply may come at any later time. An abandoned id is
/// remembered until then, so that a late reply differs from one to a command nobody sent.
class Mux {
  public:
    enum class Outcome {
        matched,         // answers a waiting call, which is waiting no more
        late,            // answers an abandoned call, which is forgotten now
        unknown,         // answers nothing we wait for: drop it; see unknown_count()
        protocol_error,  // an error that names no call: close the connection
    };

    /// At most this many ids, waiting and abandoned together: a QEMU that answers nothing must not
    /// make the table grow for ever.
    static constexpr std::size_t default_capacity = 4096;

    explicit Mux(std::size_t capacity = default_capacity) : capacity_(capacity) {}

    /// Enters a call: ids count from 1 and are never used again. Fails with the cause when closed,
    /// with vm_unavailable when full.
    Result<std::uint64_t> add();

    /// Whether that many calls can be added, if it is not closed.
    bool has_room(std::size_t calls) const { return capacity_ - calls_.size() >= calls; }

    Outcome on_message(const Reply& reply);
    Outcome on_message(const ErrorReply& error);

    /// Gives up waiting. False when the id is not waiting: answered, abandoned or closed before.
    bool abandon(std::uint64_t id);

    /// Ends the connection: no id waits any more and none can be added. Returns those that waited,
    /// in the order of their adding. Of several causes the first is kept.
    std::vector<std::uint64_t> close(Error cause);

    /// Why the connection ended; null while it is open.
    const Error* cause() const { return cause_ ? &*cause_ : nullptr; }

    std::size_t waiting_count() const { return calls_.size() - abandoned_; }
    std::size_t abandoned_count() const { return abandoned_; }
    std::uint64_t unknown_count() const { return unknown_; }

  private:
    enum class State { waiting, abandoned };

    Outcome answer(const ReplyId& id);

    std::size_t capacity_;
    std::map<std::uint64_t, State> calls_;
    std::size_t abandoned_ = 0;
    std::uint64_t last_id_ = 0;
    std::uint64_t unknown_ = 0;
    std::optional<Error> cause_;
};

}  // namespace ivshmemd::qmp
