#include "daemon/api/connection.h"

#include <nlohmann/json.hpp>

#include "daemon/log.h"
#include "proto/varlink/framing.h"

namespace ivshmemd {
namespace {

// Reads once more; `deadline` is for the rest of a message that was begun. False when the
// connection is over.
awaitable<bool> read_more(std::shared_ptr<Outbox> outbox, varlink::Framer& framer,
                          SteadyClock::time_point deadline) {
    std::vector<char> buffer(16 * 1024);
    boost::asio::steady_timer watch(outbox->socket().get_executor());
    if (framer.has_partial()) {
        watch.expires_at(deadline);
        watch.async_wait(
            [weak = std::weak_ptr<Outbox>(outbox)](const boost::system::error_code& error) {
                const auto target = weak.lock();
                if (!error && target) target->close();
            });
    }
    const auto [error, count] =
        co_await outbox->socket().async_read_some(boost::asio::buffer(buffer), as_result);
    if (error) co_return false;
    framer.feed(std::string_view(buffer.data(), count));
    co_return !framer.too_long();
}

// False when the client broke the protocol.
awaitable<bool> answer_message(Service& service, std::shared_ptr<Outbox> outbox,
                               std::string message) {
    auto call = varlink::parse_call(message);
    if (call) {
        co_await service.answer(std::move(*call), outbox);
        co_return true;
    }
    const varlink::CallFault& fault = call.error();
    if (fault.kind == varlink::CallFault::Kind::violation) {
        log_info({"closing a client's connection: ", fault.reason});
        co_return false;
    }
    if (!fault.oneway) {
        outbox->add(
            varlink::encode_error(varlink::invalid_parameter(fault.parameter, fault.reason)));
    }
    co_return true;
}

}  // namespace

awaitable<void> serve_connection(Service& service, std::shared_ptr<Outbox> outbox,
                                 Milliseconds message_deadline) {
    varlink::Framer framer;
    bool going_on = true;
    SteadyClock::time_point deadline;
    while (going_on && outbox->open()) {
        const bool began = framer.has_partial();
        std::optional<std::string> message = framer.next();
        if (!message) {
            // One deadline for a message, however many reads it takes.
            if (!began || deadline == SteadyClock::time_point()) {
                deadline = SteadyClock::now() + message_deadline;
            }
            going_on = !framer.too_long() && co_await read_more(outbox, framer, deadline);
            continue;
        }
        deadline = {};
        going_on = co_await answer_message(service, outbox, std::move(*message));
        co_await outbox->flush();
    }
    co_await outbox->flush();
    outbox->close();
}

}  // namespace ivshmemd
