#include "daemon/vm/inventory_reader.h"

#include "daemon/region/inventory_memory.h"
#include "lib/names.h"
#include "proto/qmp/inventory_query.h"

namespace ivshmemd {
namespace {

// As many questions as are under way at a time. A machine with hundreds of devices has thousands,
// and QEMU reads on only while its answers are taken.
constexpr std::size_t batch_commands = 256;
constexpr std::size_t batch_bytes = std::size_t{64} << 10;

// In one reading. A machine of a thousand devices takes some ten thousand the first time.
constexpr std::size_t most_questions = 65536;

std::string unanswered(const qmp::Command& command, const qmp::Answer& answer) {
    const char* why = answer.kind == qmp::Answer::Kind::timed_out ? "no answer in time to "
                      : answer.kind == qmp::Answer::Kind::not_sent
                          ? "too much is unanswered to send "
                          : "the connection ended before the answer to ";
    return why + command.name + " " + printable(command.arguments);
}

qmp::Response reply_of(const qmp::Answer& answer) {
    return {answer.get(), answer.error.error_class, answer.error.description};
}

std::size_t batch_end(const std::vector<qmp::Question>& questions, std::size_t begin) {
    std::size_t bytes = 0;
    std::size_t end = begin;
    while (end < questions.size() && end - begin < batch_commands && bytes < batch_bytes) {
        bytes += questions[end].command.arguments.size();
        ++end;
    }
    return end;
}

// What is missing of the answers; half an inventory is worse than none.
awaitable<std::string> ask_batch(std::shared_ptr<qmp::Session> session,
                                 std::vector<qmp::Question>& questions, std::size_t begin,
                                 std::size_t end, Milliseconds deadline) {
    std::vector<qmp::Command> commands;
    for (std::size_t i = begin; i < end; ++i) commands.push_back(questions[i].command);
    const std::vector<qmp::Answer> answers =
        co_await session->call_all(std::move(commands), deadline);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const qmp::Answer::Kind kind = answers[i].kind;
        const bool answered =
            kind == qmp::Answer::Kind::value || kind == qmp::Answer::Kind::refused;
        if (!answered) co_return unanswered(questions[begin + i].command, answers[i]);
        questions[begin + i].answer(reply_of(answers[i]));
    }
    co_return std::string();
}

}  // namespace

Error unread(const std::string& why) {
    return Error(ErrorKind::vm_unavailable, "QEMU does not say what it holds: " + why,
                 {{"state", std::string("unresponsive")}});
}

awaitable<std::string> ask(std::shared_ptr<qmp::Session> session,
                           std::vector<qmp::Question> questions, Milliseconds deadline) {
    for (std::size_t begin = 0; begin < questions.size();) {
        const std::size_t end = batch_end(questions, begin);
        std::string missing = co_await ask_batch(session, questions, begin, end, deadline);
        if (!missing.empty()) co_return missing;
        begin = end;
    }
    co_return std::string();
}

awaitable<Result<Reading>> read_inventory(std::shared_ptr<qmp::Session> session,
                                          RegionPlaces places, Milliseconds deadline) {
    qmp::InventoryQuery query(std::move(places), session->memo());
    std::size_t asked = 0;
    while (true) {
        std::vector<qmp::Question> questions = query.next();
        if (questions.empty()) break;
        asked += questions.size();
        if (asked > most_questions) {
            Error error = unread("its objects are more than " + std::to_string(most_questions) +
                                 " questions can tell of");
            session->close(error);  // it would be asked again and again
            co_return error;
        }
        const std::string missing = co_await ask(session, std::move(questions), deadline);
        if (!missing.empty()) co_return unread(missing);
        if (!query.fault().empty()) co_return unread(query.fault());
    }
    Reading reading{query.result(), query.run_state()};
    session->memo().end();
    co_return reading;
}

awaitable<Result<Reading>> read_inventory_and_memory(Host& host,
                                                     std::shared_ptr<qmp::Session> session,
                                                     std::optional<pid_t> pid,
                                                     Milliseconds deadline) {
    RegionPlaces places = host.regions.places();
    Result<Reading> reading =
        co_await read_inventory(std::move(session), std::move(places), deadline);
    const bool is_empty =
        reading && reading->inventory.backends.empty() && reading->inventory.devices.empty();
    if (!reading || is_empty) {
        co_return reading;
    }
    auto look = [inventory = std::move(reading->inventory), pid]() mutable {
        find_mappings(inventory, pid);
        return std::move(inventory);
    };
    reading->inventory = co_await host.looker.run(std::move(look));
    co_return reading;
}

}  // namespace ivshmemd
