#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include "daemon/api/service.h"
#include "daemon/async.h"

namespace ivshmemd {

/// Serves one client until it hangs up or breaks the protocol: its calls one after the other,
/// replies in the order of the calls.
/// A message that is begun must be complete within `message_deadline`.
awaitable<void> serve_connection(Service& service, std::shared_ptr<Outbox> outbox,
                                 Milliseconds message_deadline);

}  // namespace ivshmemd
