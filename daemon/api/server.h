#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <list>
#include <memory>
#include <vector>

#include "daemon/api/service.h"
#include "daemon/base/gate.h"
#include "daemon/base/scope.h"
#include "daemon/base/unique_fd.h"

namespace ivshmemd {

/// Takes connections to the API, bounded in all and for each user.
class Server {
  public:
    Server(Host& host, Service& service)
        : host_(host),
          service_(service),
          long_messages_(std::make_shared<Gate>(host.executor)),
          scope_(host.executor, {}) {}

    /// Starts serving on a listening socket, one for each kind of access.
    void start(UniqueFd listener, Access access = Access::all);

    /// Takes no more clients; those connected are let finish what they asked for.
    void stop_listening();
    /// Waits until clients have taken what was said to them. False at the deadline.
    awaitable<bool> flush(SteadyClock::time_point until);
    /// Ends all connections.
    void close_all();
    /// Waits for that. False at the deadline.
    awaitable<bool> ended(SteadyClock::time_point until) { return scope_.ended(until); }

  private:
    using Acceptor = LocalAcceptor;

    awaitable<void> accept(std::shared_ptr<Acceptor> acceptor, Access access);
    void take(Outbox::Socket socket, Access access);
    awaitable<void> serve(std::shared_ptr<Outbox> outbox);

    Host& host_;
    Service& service_;
    std::shared_ptr<Gate> long_messages_;  // shared with connections that outlive this
    std::vector<std::shared_ptr<Acceptor>> acceptors_;
    Accounts accounts_;
    std::list<std::weak_ptr<Outbox>> clients_;
    Scope scope_;
};

}  // namespace ivshmemd
