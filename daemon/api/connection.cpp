#include "daemon/api/connection.h"

#include <array>
#include <boost/asio/post.hpp>
#include <nlohmann/json.hpp>

#include "daemon/base/alarm.h"
#include "daemon/base/log.h"
#include "proto/api/interface_text.h"
#include "proto/varlink/framing.h"

namespace ivshmemd {
namespace {

using ParsedCall = boost::system::result<varlink::Call, varlink::CallFault>;

// Longer ones take turns. A good call is far shorter; 100 that just are not cost 10 ms.
constexpr std::size_t short_message = 2048;  // bytes

// Lets everything else that is ready go first.
awaitable<void> yield_once(Outbox& outbox) {
    co_await boost::asio::post(outbox.socket().get_executor(), as_awaitable);
}

awaitable<ParsedCall> parse_in_turn(std::shared_ptr<Gate> long_messages, Worker& parser,
                                    Outbox& outbox, std::string message) {
    if (message.size() <= short_message) co_return varlink::parse_call(message);
    const Gate::Pass turn = co_await long_messages->enter();
    if (message.size() > varlink::request_limit) {
        const auto parse = [&message] {
            return varlink::parse_call(message, varlink::long_request_limit);
        };
        co_return co_await parser.run(parse);
    }
    ParsedCall call = varlink::parse_call(message);
    co_await yield_once(outbox);
    co_return call;
}

// So many long calls may one user have coming or under way.
constexpr std::size_t long_calls_of_a_user = 4;

// Bytes of a message that is coming, and what it takes of the user's account.
struct Coming {
    std::size_t bytes = 0;
    std::optional<Charge> charge;

    // False when its user has too many such.
    bool grow(const Outbox& outbox, std::size_t more) {
        bytes += more;
        if (bytes <= varlink::request_limit || charge) return true;
        charge = Charge::take(outbox.account(), &Account::long_calls, 1, long_calls_of_a_user);
        return charge.has_value();
    }
};

// What is there by now, which may be nothing. Nothing at all once the connection is over.
std::optional<std::size_t> read_into(varlink::Framer& framer, Outbox::Socket& socket) {
    std::array<char, 16 * 1024> buffer;
    boost::system::error_code error;
    const std::size_t count = socket.read_some(boost::asio::buffer(buffer), error);
    if (error == boost::asio::error::would_block) return 0;
    if (error) return std::nullopt;
    framer.feed(std::string_view(buffer.data(), count));
    return count;
}

// Reads once more; `deadline` is for the rest of a message that was begun. False when the
// connection is over.
awaitable<bool> read_more(std::shared_ptr<Outbox> outbox, varlink::Framer& framer, Coming& coming,
                          SteadyClock::time_point deadline) {
    Alarm watch;
    if (framer.has_partial()) {
        watch = Alarm(outbox->socket().get_executor(), deadline, [outbox] { outbox->close(); });
    }
    // Only then is there a buffer: an idle client needs none.
    const auto [failed] =
        co_await outbox->socket().async_wait(Outbox::Socket::wait_read, as_result);
    if (failed) co_return false;
    const std::optional<std::size_t> count = read_into(framer, outbox->socket());
    if (!count) co_return false;
    const bool may_grow = coming.grow(*outbox, *count);
    co_return may_grow && !framer.too_long();
}

// False when the client broke the protocol.
awaitable<bool> answer_call(Service& service, std::shared_ptr<Outbox> outbox, ParsedCall call) {
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
                                 std::shared_ptr<Gate> long_messages, Worker& parser,
                                 Milliseconds message_deadline) {
    varlink::Framer framer;
    boost::system::error_code ignored;
    outbox->socket().non_blocking(true, ignored);
    // Of whoever may change nothing, it would be refused anyway.
    if (outbox->access() == Access::all) {
        framer.allow(std::string(api::interface_name) + ".Apply", varlink::long_request_limit);
    }
    Coming coming;
    bool going_on = true;
    SteadyClock::time_point deadline;
    while (going_on && outbox->open()) {
        std::optional<std::string> message = framer.next();
        if (!message) {
            // One deadline for a message, from its first byte and however many reads it takes.
            if (framer.has_partial() && deadline == SteadyClock::time_point()) {
                deadline = SteadyClock::now() + message_deadline;
            }
            going_on = !framer.too_long() && co_await read_more(outbox, framer, coming, deadline);
            continue;
        }
        deadline = {};
        ParsedCall call =
            co_await parse_in_turn(long_messages, parser, *outbox, std::move(*message));
        going_on = co_await answer_call(service, outbox, std::move(call));
        // Calls that want no answer may come many at once.
        if (outbox->waiting() == 0) co_await yield_once(*outbox);
        co_await outbox->flush();
        coming = {};
    }
    co_await outbox->flush();
    outbox->close();
}

}  // namespace ivshmemd
