#include <nlohmann/json.hpp>

#include "daemon/api/methods.h"
#include "lib/names.h"
#include "lib/time_of_day.h"

namespace ivshmemd {
namespace {

// What a subscriber may leave untaken before it is dropped, in bytes.
constexpr std::size_t lag_limit = 1 << 20;

json spell_event(const EventMemory::Entry& entry) {
    const Event& event = entry.event;
    json object = {{"kind", event_name(event.kind)}, {"time", spell_time_of_day(entry.time)}};
    if (!event.vm.empty()) object["vm"] = event.vm;
    if (!event.detail.empty()) object["detail"] = event.detail;
    if (event.device) object["device"] = *event.device;
    return object;
}

void drop_lagging(const CallContext& context) {
    const EventMemory::Entry lagged{{EventKind::lagged, "", {}, "events were lost"},
                                    EventMemory::now()};
    context.outbox->close_after(varlink::encode_reply(spell_event(lagged), true));
}

void pass_on(const CallContext& context, const std::string& wanted, std::uint64_t number) {
    const EventMemory::Entry* entry = context.memory.find(number);
    if (!entry || context.outbox->waiting() > lag_limit) return drop_lagging(context);
    if (!wanted.empty() && entry->event.vm != wanted) return;
    context.reply_early(spell_event(*entry));
}

// The time from which on the client wants to be told; nothing for now.
Result<std::optional<std::int64_t>> read_since(const json& parameters) {
    const std::string* text = as_string(find(parameters, "since"));
    if (!text) return std::optional<std::int64_t>();
    const std::optional<std::int64_t> time = parse_time_of_day(*text);
    if (time) return time;
    return Error(ErrorKind::invalid_parameter,
                 "'" + printable(*text, 80) + "' is no time such as 2026-03-01T09:30:00Z",
                 {{"parameter", std::string("since")}});
}

json spell_ready(const EventMemory& memory, std::optional<std::int64_t> since) {
    json ready = {{"ready", true}};
    if (since && *since < memory.known_since()) {
        ready["forgottenBefore"] = spell_time_of_day(memory.known_since());
    }
    return ready;
}

// As fast as the client takes them; what happens meanwhile joins the end.
awaitable<void> tell_past(std::shared_ptr<CallContext> context, std::string wanted,
                          std::int64_t since) {
    Outbox& outbox = *context->outbox;
    std::uint64_t next = context->memory.first_since(since);
    for (; next < context->memory.end() && !outbox.left(); ++next) {
        if (outbox.waiting() > lag_limit / 2) co_await outbox.flush();
        pass_on(*context, wanted, next);
    }
}

}  // namespace

awaitable<Result<Document>> subscribe(std::shared_ptr<CallContext> context) {
    const Result<std::shared_ptr<Vm>> vm = find_vm(*context);
    if (!vm) co_return vm.error();
    const Result<std::optional<std::int64_t>> since = read_since(context->parameters());
    if (!since) co_return since.error();
    const std::string wanted = *vm ? (*vm)->name() : "";
    const EventMemory& memory = context->memory;
    bool in_past = since->has_value();
    const auto subscription =
        context->host.events.subscribe([&context, &wanted, &memory, &in_past](const Event&) {
            if (!in_past) pass_on(*context, wanted, memory.end() - 1);
        });
    context->reply_early(spell_ready(memory, *since));
    if (in_past) co_await tell_past(context, wanted, **since);
    in_past = false;
    // The client ends it by hanging up; anything it says meanwhile breaks the protocol's order.
    char byte = 0;
    co_await context->outbox->socket().async_read_some(boost::asio::buffer(&byte, 1), as_result);
    context->outbox->close();
    co_return Document();
}

}  // namespace ivshmemd
