#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/base/signal.h"
#include "daemon/base/unique_fd.h"
#include "daemon/base/worker.h"
#include "daemon/deadlines.h"
#include "daemon/qmp/answer.h"
#include "proto/qmp/command.h"
#include "proto/qmp/framer.h"
#include "proto/qmp/message.h"
#include "proto/qmp/mux.h"
#include "proto/qmp/qom_memo.h"

namespace ivshmemd::qmp {

/// One connection to one monitor, from the greeting to its end, which is final: reconnecting makes
/// a new session. run() is the only reader; any number of coroutines may have calls in flight.
///
/// Order: make_shared, spawn run(), wait_greeting() as often as needed, negotiate(), then call().
class Session : public std::enable_shared_from_this<Session> {
  public:
    using Socket = LocalSocket;

    struct Handlers {
        std::function<void(const Event&)> event;
        std::function<void(bool responsive)> responsive;  // on each change
        Worker* parser = nullptr;  // for long messages, so that nobody else waits for them
    };

    Session(Socket socket, const Deadlines& deadlines, Handlers handlers);

    /// Reads until the connection ends, and returns why.
    awaitable<Error> run();

    /// The greeting, or nothing by the deadline: another client holds the monitor, or QEMU is
    /// stopped. Waiting may go on afterwards. Nothing too when the connection ended (cause()).
    awaitable<std::optional<Greeting>> wait_greeting(Milliseconds deadline);

    /// Leaves negotiation mode, with out-of-band commands where QEMU offers them.
    awaitable<Answer> negotiate();

    awaitable<Answer> call(Command command, Milliseconds deadline);

    /// All commands in one write; one answer each, in order, under one deadline. None is sent when
    /// not all can be. A descriptor goes with the first byte, for the first command, which takes
    /// it: until that is answered nothing else is sent, by nobody (session_write.cpp says why).
    awaitable<std::vector<Answer>> call_all(std::vector<Command> commands, Milliseconds deadline,
                                            UniqueFd fd = {});

    /// Ends the connection: every waiter gets `cause`, of several the first.
    void close(Error cause);

    const Error* cause() const { return mux_.cause(); }
    /// Waits until there is one.
    awaitable<void> wait_end();

    /// False from the first expired deadline until QEMU answers anything again.
    bool responsive() const { return responsive_; }

    /// When QEMU last answered anything; before that, when the session was made.
    SteadyClock::time_point last_answer() const { return last_answer_; }

    /// Whether a silent QEMU still answers out of band: its main loop is blocked rather than the
    /// process stopped. Nothing where this QEMU has no out-of-band commands.
    awaitable<std::optional<bool>> answers_out_of_band();

    std::uint64_t unknown_replies() const { return mux_.unknown_count(); }

    /// What its users have learnt of this QEMU's objects.
    QomMemo& memo() { return memo_; }

  private:
    /// Commands that were sent together: their ids follow one another.
    struct Batch {
        Timer timer;  // the deadline of all, and the wake-up when cancelled
        std::uint64_t first = 0;
        std::vector<std::optional<Answer>> answers;
        std::size_t missing = 0;
    };
    struct Outgoing {
        std::string bytes;
        std::size_t sent = 0;
        UniqueFd fd;                 // goes with the first byte
        std::uint64_t taken_by = 0;  // the command that takes it
    };
    using BatchPointer = std::shared_ptr<Batch>;

    Answer unsent() const;
    bool may_enter(std::size_t commands) const { return !cause() && mux_.has_room(commands); }
    BatchPointer enter(std::size_t commands, Milliseconds deadline);
    Answer take_answer(Batch& batch, std::size_t number);
    awaitable<void> settle(BatchPointer batch);
    void send(std::string bytes);
    void send_with_descriptor(std::string bytes, UniqueFd fd, std::uint64_t taken_by);
    void note_answered(std::uint64_t id);
    bool may_send() const;
    void flush();
    void lose(std::string why);
    bool send_some(Outgoing& outgoing);
    awaitable<void> drain();
    boost::system::error_code read_some();
    awaitable<void> take_frames();
    void take(const Message& message);
    template <class Response>
    void take_response(const Response& response, Answer answer);
    void set_responsive(bool responsive);

    Socket socket_;
    Deadlines deadlines_;
    Handlers handlers_;
    Framer framer_;
    Mux mux_;
    std::map<std::uint64_t, BatchPointer> batches_;  // by their first ids
    std::list<Outgoing> outbox_;                     // an empty deque is half a KiB
    bool draining_ = false;
    std::uint64_t passing_ = 0;  // the command that takes the descriptor that is on its way; or 0
    std::optional<Greeting> greeting_;
    Signal greeted_;  // and when the connection has ended
    bool out_of_band_ = false;
    std::set<std::uint64_t> out_of_band_ids_;  // unanswered ones
    bool responsive_ = true;
    SteadyClock::time_point last_answer_ = SteadyClock::now();
    QomMemo memo_;
};

}  // namespace ivshmemd::qmp
