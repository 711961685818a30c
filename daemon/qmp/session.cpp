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
            const auto behind = batches_.upper_bound(response.id.number);
            if (behind == batches_.begin()) return;
            Batch& batch = *std::prev(behind)->second;
            const std::uint64_t place = response.id.number - batch.first;
            if (place >= batch.answers.size()) return;
            batch.answers[place] = std::move(answer);
            if (--batch.missing == 0) batch.timer.cancel();
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

Session::BatchPointer Session::enter(std::size_t commands, Milliseconds deadline) {
    auto batch = std::make_shared<Batch>(
        Batch{Timer(socket_.get_executor(), SteadyClock::now() + deadline), 0, {}, commands});
    batch->answers.resize(commands);
    for (std::size_t i = 0; i < commands; ++i) {
        const std::uint64_t id = *mux_.add();
        if (i == 0) batch->first = id;
    }
    batches_.emplace(batch->first, batch);
    return batch;
}

// Until all are answered, the deadline has passed, or the connection has ended.
awaitable<void> Session::settle(BatchPointer batch) {
    while (batch->missing > 0 && !cause()) {
        const auto [error] = co_await batch->timer.async_wait(as_result);
        // Only a timer that ran out ends the wait; what the batch holds decides before it.
        if (!error) break;
    }
    batches_.erase(batch->first);
}

// What is missing of a batch that was settled was not answered in time.
Answer Session::take_answer(Batch& batch, std::size_t number) {
    std::optional<Answer>& answer = batch.answers[number];
    if (answer) return std::move(*answer);
    if (cause()) return Answer{Answer::Kind::disconnected, nullptr, {}};
    mux_.abandon(batch.first + number);
    set_responsive(false);
    return Answer{};
}

awaitable<Answer> Session::call(Command command, Milliseconds deadline) {
    const auto self = shared_from_this();
    if (!may_enter(1)) co_return unsent();
    const BatchPointer batch = enter(1, deadline);
    send(encode(command, batch->first));
    co_await settle(batch);
    co_return take_answer(*batch, 0);
}

awaitable<std::vector<Answer>> Session::call_all(std::vector<Command> commands,
                                                 Milliseconds deadline, UniqueFd fd) {
    const auto self = shared_from_this();
    if (!may_enter(commands.size())) {
        co_return std::vector<Answer>(commands.size(), unsent());
    }
    std::vector<Answer> answers;
    if (commands.empty()) co_return answers;
    const BatchPointer batch = enter(commands.size(), deadline);
    std::string bytes = encode(commands.front(), batch->first);
    if (fd) send_with_descriptor(std::exchange(bytes, {}), std::move(fd), batch->first);
    for (std::size_t i = 1; i < commands.size(); ++i) {
        bytes += encode(commands[i], batch->first + i);
    }
    if (bytes.empty()) {
        flush();
    } else {
        send(std::move(bytes));
    }
    co_await settle(batch);
    for (std::size_t i = 0; i < commands.size(); ++i) answers.push_back(take_answer(*batch, i));
    co_return answers;
}

awaitable<std::optional<bool>> Session::answers_out_of_band() {
    if (!out_of_band_ || passing_ != 0) co_return std::nullopt;
    const auto self = shared_from_this();
    // Any answer will do, an unknown command's error too: the monitor's own thread gives it.
    Command command("query-yank");
    command.oob = true;
    if (!may_enter(1)) co_return std::nullopt;
    const BatchPointer batch = enter(1, deadlines_.out_of_band);
    out_of_band_ids_.insert(batch->first);
    send(encode(command, batch->first));
    co_await settle(batch);
    const Answer answer = take_answer(*batch, 0);
    if (cause()) co_return std::nullopt;
    co_return answer.kind != Answer::Kind::timed_out;
}

awaitable<void> Session::wait_end() {
    const auto self = shared_from_this();
    while (!cause()) co_await greeted_.wait_until(SteadyClock::time_point::max());
}

void Session::lose(std::string why) {
    close(
        Error(ErrorKind::vm_unavailable, std::move(why), {{"state", std::string("unreachable")}}));
}

void Session::close(Error cause) {
    mux_.close(std::move(cause));
    for (const auto& [first, batch] : batches_) batch->timer.cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
    outbox_.clear();
    greeted_.notify_all();
}

}  // namespace ivshmemd::qmp
