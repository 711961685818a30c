#include "daemon/vm/migration_watch.h"

#include "daemon/vm/executor.h"
#include "proto/qmp/migration.h"

namespace ivshmemd {
namespace {

// Announces migrations, and tells of the one that is running. False when there will be no events.
awaitable<bool> announce_migrations(std::shared_ptr<Vm> vm, std::shared_ptr<qmp::Session> session) {
    std::vector<qmp::Command> commands;
    commands.push_back(qmp::set_migration_capability("events", true));
    commands.push_back(qmp::query_migrate());
    const std::vector<qmp::Answer> answers =
        co_await session->call_all(std::move(commands), vm->host().deadlines.query);
    if (answers[1].ok()) {
        follow_migration_status(*vm, qmp::read_migration(answers[1].get()).status);
    }
    co_return answers[0].ok();
}

awaitable<void> watch_unannounced(std::shared_ptr<Vm> vm, std::shared_ptr<qmp::Session> session) {
    while (!session->cause() && is_migrating(*vm)) {
        co_await vm->sleep_until(SteadyClock::now() + vm->host().deadlines.migration_poll);
        if (vm->stopping()) co_return;
        const bool announced = co_await announce_migrations(vm, session);
        if (announced) co_return;
    }
}

}  // namespace

awaitable<void> watch_migration(std::shared_ptr<Vm> vm, std::shared_ptr<qmp::Session> session) {
    const bool announced = co_await announce_migrations(vm, session);
    if (announced || !is_migrating(*vm)) co_return;
    vm->spawn("watch of the migration", watch_unannounced(vm, session));
}

void follow_migration_status(Vm& vm, const std::string& status) {
    if (vm.migration().status() == status) return;
    vm.migration().set_status(status);
    if (!status.empty()) vm.publish(EventKind::migration, std::nullopt, status);
    vm.changed().notify_all();
}

namespace {

Error held_error(const Vm& vm, const Hold& hold) {
    const bool ended = hold.story.ended();
    return Error(ErrorKind::operation_in_progress,
                 "VM " + vm.name() +
                     (ended ? " was held by a client, and devices that were out for it are yet to "
                              "come back"
                            : " is held by a client that has something else migrate or save it") +
                     "; its devices stay as they are until that is over");
}

}  // namespace

bool is_migrating(const Vm& vm) {
    return is_migrating(vm.migration().status(), vm.run_state());
}

std::optional<Error> migration_active(const Vm& vm, Asker asker) {
    if (!vm.session()) return std::nullopt;  // then that is what there is to say
    const bool ours = vm.migration().claimed() && asker == Asker::client;
    const auto hold = vm.host().holds.find(vm.name());
    if (ours && hold != vm.host().holds.end()) return held_error(vm, *hold->second);
    if (!ours && !is_migrating(vm)) return std::nullopt;
    std::string message = "VM " + vm.name() + " is migrating";
    if (is_migrating(vm)) message += " (" + vm.migration().status() + ")";
    return Error(ErrorKind::migration_active,
                 message + "; its devices stay as they are until that has ended");
}

awaitable<Result<MigrationFacts>> ask_migration(std::shared_ptr<Vm> vm) {
    using Kind = qmp::Answer::Kind;
    const std::string what = "the question about its migration";
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return gone_error(*vm, what);
    std::vector<qmp::Command> commands;
    commands.push_back(qmp::query_migrate());
    commands.push_back(qmp::query_migration_capabilities());
    commands.push_back(qmp::query_migration_parameters());
    const std::vector<qmp::Answer> answers =
        co_await session->call_all(std::move(commands), vm->host().deadlines.query);
    for (const qmp::Answer& answer : answers) {
        if (answer.kind == Kind::timed_out) co_return silence_error(*vm, what, "undone");
        if (answer.kind == Kind::disconnected) co_return gone_error(*vm, what);
        if (answer.kind == Kind::not_sent) co_return busy_error(*vm, what);
    }
    MigrationFacts facts = qmp::read_migration(answers[0].get());
    facts.settings = qmp::read_migration_settings(answers[1].get(), answers[2].get());
    if (answers[0].ok()) follow_migration_status(*vm, facts.status);
    co_return facts;
}

}  // namespace ivshmemd
