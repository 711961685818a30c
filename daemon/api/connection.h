#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include "daemon/api/service.h"
#include "daemon/base/async.h"
#include "daemon/base/gate.h"
#include "daemon/base/worker.h"

namespace ivshmemd {

/// Serves one client until it hangs up or breaks the protocol: its calls one after the other,
/// replies in the order of the calls.
/// A message that is begun must be complete within `message_deadline`. Long messages, which cost
/// milliseconds each, are read one at a time through the gate that all connections share; short
/// ones of others come in between. Those of Apply may be far longer, and are read by `parser`.
awaitable<void> serve_connection(Service& service, std::shared_ptr<Outbox> outbox,
                                 std::shared_ptr<Gate> long_messages, Worker& parser,
                                 Milliseconds message_deadline);

}  // namespace ivshmemd
