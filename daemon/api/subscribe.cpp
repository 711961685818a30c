#include <ctime>
#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"

namespace ivshmemd {
namespace {

// What a subscriber may leave untaken before it is dropped, in bytes.
constexpr std::size_t lag_limit = 1 << 20;

// UTC, to the millisecond.
std::string now() {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    std::tm parts{};
    ::gmtime_r(&time.tv_sec, &parts);
    char text[sizeof "2026-01-01T00:00:00.000Z"];
    const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    std::snprintf(text + length, sizeof text - length, ".%03ldZ", time.tv_nsec / 1000000 % 1000);
    return text;
}

json spell_event(const Event& event) {
    json object = {{"kind", event_name(event.kind)}, {"time", now()}};
    if (!event.vm.empty()) object["vm"] = event.vm;
    if (!event.detail.empty()) object["detail"] = event.detail;
    if (event.device) object["device"] = *event.device;
    return object;
}

void pass_on(const CallContext& context, const std::string& wanted, const Event& event) {
    if (!wanted.empty() && event.vm != wanted) return;
    if (context.outbox->waiting() <= lag_limit) {
        context.reply_early(spell_event(event));
        return;
    }
    const json lagged = spell_event({EventKind::lagged, "", {}, "events were lost"});
    context.outbox->close_after(varlink::encode_reply(lagged, true));
}

}  // namespace

awaitable<Result<Document>> subscribe(std::shared_ptr<CallContext> context) {
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    const std::string wanted = *vm ? (*vm)->name() : "";
    const auto subscription = context->host.events.subscribe(
        [&context, &wanted](const Event& event) { pass_on(*context, wanted, event); });
    context->reply_early({{"ready", true}});
    // The client ends it by hanging up; anything it says meanwhile breaks the protocol's order.
    char byte = 0;
    co_await context->outbox->socket().async_read_some(boost::asio::buffer(&byte, 1), as_result);
    context->outbox->close();
    co_return Document();
}

}  // namespace ivshmemd
