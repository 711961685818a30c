#include "daemon/vm/inventory_reader.h"

#include "proto/qmp/inventory_query.h"

namespace ivshmemd {
namespace {

// False when any answer is missing: half an inventory is worse than none.
awaitable<bool> ask(std::shared_ptr<qmp::Session> session, std::vector<qmp::Question> questions,
                    Milliseconds deadline) {
    std::vector<qmp::Command> commands;
    for (const qmp::Question& question : questions) commands.push_back(question.command);
    const std::vector<qmp::Answer> answers =
        co_await session->call_all(std::move(commands), deadline);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const qmp::Answer::Kind kind = answers[i].kind;
        const bool answered =
            kind == qmp::Answer::Kind::value || kind == qmp::Answer::Kind::refused;
        if (!answered) co_return false;
        questions[i].answer(answers[i].get());
    }
    co_return true;
}

}  // namespace

awaitable<std::optional<Reading>> read_inventory(std::shared_ptr<qmp::Session> session,
                                                 std::string region_dir, Milliseconds deadline) {
    qmp::InventoryQuery query(std::move(region_dir));
    std::vector<qmp::Question> first = query.first();
    if (!co_await ask(session, std::move(first), deadline)) co_return std::nullopt;
    if (!query.complete()) co_return std::nullopt;
    std::vector<qmp::Question> second = query.second();
    if (!co_await ask(session, std::move(second), deadline)) co_return std::nullopt;
    Reading reading{query.result(), query.run_state()};
    co_return reading;
}

}  // namespace ivshmemd
