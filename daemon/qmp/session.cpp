#include "daemon/qmp/session.h"

#include <nlohmann/json.hpp>

#include "daemon/base/log.h"
#include "lib/names.h"

namespace ivshmemd::qmp {

Session::Session(Socket socket, const Deadlines& deadlines, Handlers handlers)
    : socket_(std::move(socket)),
      deadlines_(deadlines),
      handlers_(std::move(handlers)),
      greeted_(socket_.get_executor()) {}

void Session::take(const Message& message) {
    if (const auto* greeting = std::get_if<Greeting>(&message)) {
        if (!greeting_) greeting_ = *greeting;
        greeted_.notify_all();
    } else if (const auto* reply = std::get_if<Reply>(&message)) {
        take_response(*reply, Answer{Answer::Kind::value, reply->value, {}});
    } else if (const auto* error = std::get_if<ErrorReply>(&message)) {
        take_response(*error, Answer{Answer::Kind::refused, nullptr, *error});
    } else if (const auto* event = std::get_if<Event>(&message)) {
        handlers_.event(*event);
    } else if (const auto* malformed = std::get_if<Malformed>(&message)) {
        lose("the monitor does not speak QMP: " + malformed->reason);
    }
}

template <class Response>
void Session::take_response(const Response& response, Answer answer) {
    // What comes out of band says nothing about the main loop.
    const bool in_band = out_of_band_ids_.erase(response.id.number) == 0;
    note_answered(response.id.number);
    switch (mux_.on_message(response)) {
        case Mux::Outcome::matched: {
            if (in_band) set_responsive(true);
            const auto slot = slots_.find(response.id.number);
            if (slot == slots_.end()) return;
            slot->second->answer = std::move(answer);
            slot->second->timer.cancel();
            return;
        }
        case Mux::Outcome::late:
            if (in_band) set_responsive(true);
            return;
        case Mux::Outcome::unknown:
            log_debug({"dropping a reply to a command that was never sent"});
            return;
        case Mux::Outcome::protocol_error:
            lose("QEMU could not read a command: " + printable(answer.error.description));
            return;
    }
}

void Session::set_responsive(bool responsive) {
    if (responsive) last_answer_ = SteadyClock::now();
    if (responsive_ == responsive) return;
    responsive_ = responsive;
    handlers_.responsive(responsive);
}

awaitable<std::optional<Greeting>> Session::wait_greeting(Milliseconds deadline) {
    const auto self = shared_from_this();
    const auto until = deadline == Milliseconds::max() ? SteadyClock::time_point::max()
                                                       : SteadyClock::now() + deadline;
    while (!greeting_ && !cause() && SteadyClock::now() < until)
        co_await greeted_.wait_until(until);
    if (cause()) co_return std::nullopt;
    co_return greeting_;
}

awaitable<Answer> Session::negotiate() {
    Command command("qmp_capabilities");
    out_of_band_ = greeting_ && greeting_->oob;
    if (out_of_band_) command = Command("qmp_capabilities", json({{"enable", {"oob"}}}));
    co_return co_await call(std::move(command), deadlines_.query);
}

// For a call that the table did not take.
Answer Session::unsent() const {
    return Answer{cause() ? Answer::Kind::disconnected : Answer::Kind::not_sent, nullptr, {}};
}

Session::Entry Session::enter(const Command& command, Milliseconds deadline, std::string& bytes) {
    const Result<std::uint64_t> id = mux_.add();
    if (!id) return {};
    auto slot = std::make_shared<Slot>(
        Slot{Timer(socket_.get_executor(), SteadyClock::now() + deadline), {}});
    slots_.emplace(*id, slot);
    bytes += encode(command, *id);
    return {*id, std::move(slot)};
}

awaitable<Answer> Session::wait(Entry entry) {
    if (!entry.slot) co_return unsent();
    while (!entry.slot->answer && !cause()) {
        const auto [error] = co_await entry.slot->timer.async_wait(as_result);
        // Only a timer that ran out ends the wait; what the slot holds decides before it.
        if (!error) break;
    }
    slots_.erase(entry.id);
    if (entry.slot->answer) co_return std::move(*entry.slot->answer);
    if (cause()) co_return Answer{Answer::Kind::disconnected, nullptr, {}};
    mux_.abandon(entry.id);
    set_responsive(false);
    co_return Answer{};
}

awaitable<Answer> Session::call(Command command, Milliseconds deadline) {
    const auto self = shared_from_this();
    std::string bytes;
    Entry entry = enter(command, deadline, bytes);
    if (entry.slot) send(std::move(bytes));
    co_return co_await wait(std::move(entry));
}

awaitable<std::vector<Answer>> Session::call_all(std::vector<Command> commands,
                                                 Milliseconds deadline, UniqueFd fd) {
    const auto self = shared_from_this();
    if (!mux_.has_room(commands.size())) {
        co_return std::vector<Answer>(commands.size(), unsent());
    }
    std::string bytes;
    std::vector<Entry> entries;
    for (const Command& command : commands) {
        entries.push_back(enter(command, deadline, bytes));
        if (!fd || !entries.back().slot) continue;
        send_with_descriptor(std::exchange(bytes, {}), std::move(fd), entries.back().id);
    }
    if (bytes.empty()) {
        flush();
    } else {
        send(std::move(bytes));
    }
    std::vector<Answer> answers;
    for (Entry& entry : entries) answers.push_back(co_await wait(std::move(entry)));
    co_return answers;
}

awaitable<std::optional<bool>> Session::answers_out_of_band() {
    if (!out_of_band_ || passing_ != 0) co_return std::nullopt;
    const auto self = shared_from_this();
    // Any answer will do, an unknown command's error too: the monitor's own thread gives it.
    Command command("query-yank");
    command.oob = true;
    std::string bytes;
    Entry entry = enter(command, deadlines_.out_of_band, bytes);
    if (!entry.slot) co_return std::nullopt;
    out_of_band_ids_.insert(entry.id);
    send(std::move(bytes));
    const Answer answer = co_await wait(std::move(entry));
    if (cause()) co_return std::nullopt;
    co_return answer.kind != Answer::Kind::timed_out;
}

void Session::lose(std::string why) {
    close(
        Error(ErrorKind::vm_unavailable, std::move(why), {{"state", std::string("unreachable")}}));
}

void Session::close(Error cause) {
    const std::vector<std::uint64_t> ended = mux_.close(std::move(cause));
    for (const std::uint64_t id : ended) {
        const auto slot = slots_.find(id);
        if (slot != slots_.end()) slot->second->timer.cancel();
    }
    boost::system::error_code ignored;
    socket_.close(ignored);
    outbox_.clear();
    greeted_.notify_all();
}

}  // namespace ivshmemd::qmp
