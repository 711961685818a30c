#include "daemon/api/connection.h"

#include <nlohmann/json.hpp>

#include "daemon/log.h"
#include "proto/varlink/framing.h"

namespace ivshmemd {
namespace {

// How long a client may take over one message, and how long it may keep one unfinished.
constexpr std::chrono::seconds message_deadline{10};

// Reads once more. False when the connection is over.
awaitable<bool> read_more(std::shared_ptr<Outbox> outbox, varlink::Framer& framer) {
    std::vector<char> buffer(16 * 1024);
    boost::asio::steady_timer watch(outbox->socket().get_executor());
    if (framer.has_partial()) {
        watch.expires_after(message_deadline);
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

awaitable<void> serve_connection(Service& service, std::shared_ptr<Outbox> outbox) {
    varlink::Framer framer;
    bool going_on = true;
    while (going_on && outbox->open()) {
        std::optional<std::string> message = framer.next();
        if (!message) {
            going_on = !framer.too_long() && co_await read_more(outbox, framer);
            continue;
        }
        going_on = co_await answer_message(service, outbox, std::move(*message));
        co_await outbox->flush();
    }
    co_await outbox->flush();
    outbox->close();
}

}  // namespace ivshmemd
