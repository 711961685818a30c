#include "daemon/migration/content.h"

#include "daemon/migration/steps.h"
#include "daemon/vm/executor.h"
#include "proto/qmp/migration.h"

namespace ivshmemd {
namespace {

// With what is to be asked about it in the same write.
std::vector<qmp::Command> with_settings(std::vector<qmp::Command> commands) {
    commands.push_back(qmp::query_migration_capabilities());
    commands.push_back(qmp::query_migration_parameters());
    return commands;
}

// From the last two answers; nothing when QEMU gave none.
std::optional<std::vector<Reason>> judge_answers(const Vm& vm,
                                                 const std::vector<qmp::Answer>& answers) {
    using Kind = qmp::Answer::Kind;
    const qmp::Answer& capabilities = answers[answers.size() - 2];
    const qmp::Answer& parameters = answers.back();
    for (const qmp::Answer* each : {&capabilities, &parameters}) {
        if (each->kind != Kind::value && each->kind != Kind::refused) return std::nullopt;
    }
    return judge_settings(vm.devices(),
                          qmp::read_migration_settings(capabilities.get(), parameters.get()));
}

std::string in_words(const std::vector<Reason>& reasons) {
    std::string text;
    for (const Reason& reason : reasons) {
        text += (text.empty() ? "" : "; ") + reason.device.value_or("") + ": " + reason.text;
    }
    return text;
}

awaitable<std::optional<std::vector<Reason>>> ask_settings(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return std::nullopt;
    std::vector<qmp::Command> questions = with_settings({});
    const std::vector<qmp::Answer> answers =
        co_await session->call_all(std::move(questions), vm->host().deadlines.query);
    co_return judge_answers(*vm, answers);
}

}  // namespace

awaitable<Result<void>> check_content(std::shared_ptr<Vm> vm) {
    const std::optional<std::vector<Reason>> reasons = co_await ask_settings(vm);
    if (!reasons && !vm->session()) co_return gone_error(*vm, "the check before the migration");
    if (!reasons) co_return silence_error(*vm, "the check before the migration", "undone");
    if (reasons->empty()) co_return Result<void>();
    const MigrationVerdict verdict{*reasons};
    co_return migration_blocked(vm->name(), verdict, *reasons);
}

awaitable<qmp::Answer> start_with_content(Migration& migration, qmp::Command command) {
    const std::shared_ptr<Vm>& vm = migration.vm;
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return qmp::Answer{qmp::Answer::Kind::disconnected, {}, {}};
    std::vector<qmp::Command> commands;
    commands.push_back(std::move(command));
    commands = with_settings(std::move(commands));
    const std::vector<qmp::Answer> answers =
        co_await session->call_all(std::move(commands), vm->host().deadlines.query);
    const std::optional<std::vector<Reason>> reasons = judge_answers(*vm, answers);
    if (reasons && answers[0].ok()) migration.left_behind = in_words(*reasons);
    if (!migration.left_behind.value_or("").empty()) {
        tell(migration, "cancelled, because it was told to leave content behind");
        qmp::Command cancel = qmp::migrate_cancel();
        co_await session->call(std::move(cancel), vm->host().deadlines.query);
    }
    co_return answers[0];
}

awaitable<std::string> find_left_behind(Migration& migration) {
    if (!migration.left_behind) {
        const std::optional<std::vector<Reason>> reasons = co_await ask_settings(migration.vm);
        if (reasons) migration.left_behind = in_words(*reasons);
    }
    co_return migration.left_behind.value_or("");
}

}  // namespace ivshmemd
