#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/signal.h"
#include "daemon/host.h"
#include "daemon/qmp/session.h"
#include "daemon/vm/identity.h"
#include "lib/capabilities.h"
#include "lib/vm_state.h"

namespace ivshmemd {

/// The connection to one VM's QEMU, and what was learnt of that QEMU over it.
///
/// Invariants:
///  - There is a session exactly while the state is connected or unresponsive.
///  - run() changes exactly when another QEMU process is behind the monitor; whoever remembers
///    anything of a QEMU remembers it by that. Identity, capabilities and UUID stay those of the
///    last process when the connection is lost.
///
/// Order: connecting() or held(), established(), silent() and answering() any number of times,
/// lost(), and again; stop() at any time, for good.
class Link {
  public:
    Link(Host& host, std::string vm, std::string socket, Signal& changed)
        : host_(host),
          vm_(std::move(vm)),
          socket_(std::move(socket)),
          changed_(changed),
          retry_(host.executor) {}

    VmState state() const { return state_; }
    const std::optional<std::string>& last_error() const { return last_error_; }
    /// Null unless a greeting was exchanged and the QEMU is known.
    const std::shared_ptr<qmp::Session>& session() const { return session_; }
    const std::optional<Capabilities>& capabilities() const { return capabilities_; }
    const Identity& identity() const { return identity_; }
    const std::string& run() const { return identity_.run; }
    const std::string& uuid() const { return uuid_; }
    const std::string& run_state() const { return run_state_; }
    /// There is a QEMU, and it has made no machine yet.
    bool in_preconfig() const { return preconfig_; }
    /// False while this daemon has never seen this QEMU in a state that it has only once it has
    /// run.
    bool started() const { return started_; }
    /// VmUnavailable with the reason, or nothing when commands can be sent.
    std::optional<Error> unavailable() const;
    /// A connection is being made or used.
    bool trying() const { return pending_ != nullptr; }
    /// The socket refused the last attempt and was not bound anew since: nobody is behind it. Never
    /// behind a bridge's, which can end without its QEMU.
    bool nobody_listens() const;
    /// The QEMU that was last connected is known to have ended.
    bool last_qemu_gone() const;
    /// Attempts to connect that came to an end, good or bad.
    std::uint64_t attempts() const { return attempts_; }

    /// An attempt begins: `session` is what stop() is to end.
    void connecting(std::shared_ptr<qmp::Session> session);
    /// The greeting came.
    void greeted();
    /// No greeting: another client holds the monitor. The connection keeps its place in the queue.
    void held(std::string why);
    /// No greeting from a bridge, which says why.
    void held_by_bridge(std::string why);
    bool is_held_by_bridge() const { return held_by_bridge_; }
    /// There is not even a connection; `state` is busy or unreachable. `refused`: because nobody
    /// listens at the socket.
    void failed(VmState state, std::string why, bool refused = false);
    /// It was started with -preconfig and has made no machine yet: it answers next to nothing.
    void preconfiguring();
    /// The attempt came to its end.
    void end_attempt();

    /// Whether this is another process than the last one, or the first. What was known of that one
    /// is to be forgotten before publish_connected().
    bool established(std::shared_ptr<qmp::Session> session, Identity identity, std::string uuid,
                     Capabilities capabilities);
    /// It refused a peer, for it was started with -only-migratable, and was not known to be.
    void learn_only_migratable();
    void publish_connected() { enter(VmState::connected); }
    /// The connection ended.
    void lost(std::string why);

    /// QEMU let a deadline pass, and answers again.
    void silent();
    void explain_silence(std::string why);
    void answering();

    void follow_run_state(const std::string& run_state);

    /// Ends the connection and keeps it ended; what is under way fails for this reason.
    void stop(const std::string& why);
    bool stopping() const { return stopping_; }

    /// Cuts the wait before the next attempt to connect short.
    void hurry() { retry_.notify_all(); }
    awaitable<void> wait_retry(SteadyClock::time_point until) { co_await retry_.wait_until(until); }

  private:
    void enter(VmState state);
    void publish(const std::string& detail);

    Host& host_;
    std::string vm_;
    std::string socket_;
    Signal& changed_;
    Signal retry_;
    VmState state_ = VmState::connecting;
    std::optional<std::string> last_error_;
    std::shared_ptr<qmp::Session> session_;
    std::shared_ptr<qmp::Session> pending_;
    std::optional<Capabilities> capabilities_;
    Identity identity_;
    std::string uuid_;
    std::string run_state_;
    bool started_ = false;
    bool preconfig_ = false;
    bool held_by_bridge_ = false;
    bool stopping_ = false;
    std::uint64_t attempts_ = 0;
    std::string refused_binding_;  // of the socket, when it last refused a connection
};

}  // namespace ivshmemd
