#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "daemon/api/outbox.h"
#include "daemon/base/async.h"
#include "daemon/events/event_memory.h"
#include "daemon/fleet/registry.h"
#include "daemon/host.h"
#include "lib/result.h"
#include "proto/json.h"
#include "proto/varlink/idl_type.h"
#include "proto/varlink/message.h"
#include "proto/varlink/service.h"

namespace ivshmemd {

/// One call under way, for the method that answers it.
struct CallContext {
    Host& host;
    Registry& registry;
    varlink::Call call;
    std::shared_ptr<Outbox> outbox;
    const EventMemory& memory;

    const json& parameters() const { return *call.parameters; }

    /// A reply before the last one; nothing unless the client asked for more.
    void reply_early(const json& parameters) const;
};

/// Answers one method. A value that is null means: already answered.
using MethodHandler = awaitable<Result<Document>> (*)(std::shared_ptr<CallContext> context);

struct ApiMethod;

/// The published interface and org.varlink.service, on top of the VMs. Every call's parameters are
/// checked against the interface's own text before a method sees them.
class Service {
  public:
    /// `reply_limit`: of one answer, in bytes; a longer one becomes an error.
    Service(Host& host, Registry& registry, std::size_t reply_limit = Outbox::limit);

    /// Answers one call completely: all its replies are in the outbox when this returns.
    awaitable<void> answer(varlink::Call call, std::shared_ptr<Outbox> outbox);

    /// Waits until all calls that come to an end by themselves are answered. False at the deadline.
    awaitable<bool> answered(SteadyClock::time_point until);

  private:
    awaitable<Result<Document>> run_method(const ApiMethod* method,
                                           std::shared_ptr<CallContext> context);
    awaitable<void> answer_method(varlink::Call call, std::shared_ptr<Outbox> outbox);
    void send_reply(Outbox& outbox, const varlink::Call& call, const json& parameters) const;

    Host& host_;
    Registry& registry_;
    std::size_t reply_limit_;
    varlink::Interface interface_;
    varlink::ServiceInfo info_;
    EventMemory memory_;
    std::size_t under_way_ = 0;  // calls, without those that go on until the client hangs up
    Signal call_ended_;
};

}  // namespace ivshmemd
