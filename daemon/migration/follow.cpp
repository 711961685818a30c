#include "daemon/migration/follow.h"

#include <cmath>

#include "daemon/vm/migration_watch.h"
#include "proto/qmp/migration.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

std::shared_ptr<Vm> vm_named(const Host& host, const std::string& name) {
    const auto found = host.vms.find(name);
    return found == host.vms.end() ? nullptr : found->second;
}

// A destination that is past inmigrate has taken over: QEMU starts none that lacks a byte.
bool has_arrived(const Host& host, const std::string& destination) {
    const std::shared_ptr<Vm> vm = vm_named(host, destination);
    return vm && vm->session() && !vm->run_state().empty() && vm->run_state() != "inmigrate" &&
           !is_migrating(*vm);
}

std::string in_mebibytes(std::uint64_t bytes) {
    return std::to_string(bytes >> 20) + " MiB";
}

MigrationStep step_of(const MigrationFacts& facts) {
    MigrationStep step{"migrating", "migrating (" + facts.status + ")", {}, {}};
    if (facts.transferred + facts.remaining == 0) return step;
    step.done = facts.transferred;
    step.total = facts.transferred + facts.remaining;
    step.text += ": " + in_mebibytes(facts.transferred) + " sent, " +
                 in_mebibytes(facts.remaining) + " remaining";
    if (facts.megabits_per_second > 0) {
        step.text += ", " + std::to_string(std::lround(facts.megabits_per_second)) + " Mbit/s";
    }
    if (facts.downtime > 0) step.text += ", downtime " + std::to_string(facts.downtime) + " ms";
    return step;
}

std::optional<MigrationEnd> end_of(const MigrationLook& look) {
    using Kind = MigrationEnd::Kind;
    const MigrationFacts& facts = look.facts;
    if (!is_ended(facts.status) || look.run_state == "finish-migrate") return std::nullopt;
    if (facts.status == "completed") {
        if (look.run_state == "postmigrate") return MigrationEnd{Kind::completed, ""};
        return MigrationEnd{Kind::stayed, "the source was resumed after it"};
    }
    if (facts.status == "cancelled") return MigrationEnd{Kind::stayed, "it was cancelled"};
    if (facts.status == "failed") {
        return MigrationEnd{Kind::stayed, facts.error.empty() ? "it failed; the destination's own "
                                                                "messages say why"
                                                              : facts.error};
    }
    return MigrationEnd{Kind::stayed, "QEMU knows of no migration"};
}

bool is_connected(const Vm& vm) {
    return vm.session() && !vm.session()->cause();
}

}  // namespace

// Both at one moment: a completed source leaves finish-migrate only a little later.
awaitable<std::optional<MigrationLook>> look_at_migration(std::shared_ptr<Vm> vm) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return std::nullopt;
    std::vector<qmp::Command> commands;
    commands.push_back(qmp::query_migrate());
    commands.emplace_back("query-status");
    const std::vector<qmp::Answer> answers =
        co_await session->call_all(std::move(commands), vm->host().deadlines.query);
    if (!answers[0].ok() || !answers[1].ok()) co_return std::nullopt;
    MigrationLook look{qmp::read_migration(answers[0].get()),
                       qmp::read_run_state(answers[1].get()).value_or("")};
    follow_migration_status(*vm, look.facts.status);
    vm->follow_run_state(look.run_state);
    co_return look;
}

awaitable<MigrationEnd> follow_migration(std::shared_ptr<Vm> vm, std::string destination,
                                         MigrationProgress progress) {
    using Kind = MigrationEnd::Kind;
    SteadyClock::time_point give_up = SteadyClock::time_point::max();
    while (!vm->stopping()) {
        if (is_connected(*vm)) {
            give_up = SteadyClock::time_point::max();
            const std::optional<MigrationLook> look = co_await look_at_migration(vm);
            if (look) {
                if (const auto end = end_of(*look)) co_return *end;
                progress(step_of(look->facts));
            }
        } else {
            if (has_arrived(vm->host(), destination)) co_return MigrationEnd{Kind::completed, ""};
            if (give_up == SteadyClock::time_point::max()) {
                give_up = SteadyClock::now() + vm->host().deadlines.migration_lost;
            }
            if (SteadyClock::now() >= give_up) break;
        }
        co_await vm->changed().wait_until(
            std::min(give_up, SteadyClock::now() + vm->host().deadlines.migration_poll));
    }
    co_return MigrationEnd{
        Kind::lost, vm->stopping() ? "ivshmemd is stopping" : "the source went away meanwhile"};
}

awaitable<void> await_arrival(std::shared_ptr<Vm> vm, std::string destination) {
    const Host& host = vm->host();
    const SteadyClock::time_point give_up = SteadyClock::now() + host.deadlines.migration_lost;
    const std::shared_ptr<Vm> other = vm_named(host, destination);
    while (other && !has_arrived(host, destination) && !vm->stopping() &&
           SteadyClock::now() < give_up) {
        co_await other->changed().wait_until(
            std::min(give_up, SteadyClock::now() + host.deadlines.migration_poll));
    }
}

}  // namespace ivshmemd
