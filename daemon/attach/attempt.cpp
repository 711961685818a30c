#include "daemon/attach/attempt.h"

#include "daemon/attach/denied.h"
#include "daemon/attach/idle_guest.h"
#include "daemon/attach/misplaced.h"
#include "daemon/attach/proof.h"
#include "daemon/attach/ram_block.h"
#include "daemon/attach/rollback.h"
#include "daemon/attach/server.h"
#include "daemon/attach/steps.h"
#include "daemon/state/doorbells.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/refresh.h"
#include "daemon/vm/room.h"
#include "lib/names.h"
#include "lib/plan.h"
#include "proto/qmp/dialect.h"

namespace ivshmemd {
namespace {

std::string stays_text(const std::string& id) {
    return "; " + id + " cannot be deleted, and stays until the VM ends";
}

bool slot_was_taken(const Vm& vm, const DeviceSpec& spec) {
    const Bus* bus = find_bus(vm.inventory(), spec.bus);
    if (bus && bus->kind == BusKind::port) return !bus->occupied.empty();
    return bus && bus->occupied.contains(spec.slot);
}

Attempt failed(Error error) {
    return {Attempt::Verdict::failed, std::move(error)};
}

std::string attach_of(const DeviceSpec& spec) {
    return "the attach of " + spec.name;
}

// The monitor went away. A dead QEMU holds nothing; one that is back is asked what it holds.
awaitable<Attempt> settle_loss(std::shared_ptr<Vm> vm, DeviceSpec spec, Plan plan) {
    const Milliseconds patience = vm->host().deadlines.refresh;
    const SteadyClock::time_point until = SteadyClock::now() + patience;
    while (vm->session() && vm->session()->cause() && SteadyClock::now() < until) {
        co_await vm->changed().wait_until(until);  // until the supervisor has seen it too
    }
    co_await wait_connected(vm, patience);
    const bool nothing = vm->session() ? !find_managed(vm->inventory(), spec.name)
                                       : !vm->stopping() && vm->link().last_qemu_gone();
    // QEMU keeps by its name what nothing has taken.
    for (const Step& step : plan) {
        const auto* passed = std::get_if<PassFd>(&step.command);
        if (!passed || !nothing || vm->unavailable()) continue;
        std::vector<Command> close{CloseFd{passed->name}};
        co_await execute(vm, std::move(close), vm->host().deadlines.query);
    }
    co_return Attempt{nothing ? Attempt::Verdict::failed : Attempt::Verdict::unknown,
                      gone_error(*vm, attach_of(spec))};
}

// QEMU fell silent: one look, then the answer.
awaitable<Attempt> settle_silence(std::shared_ptr<Vm> vm, DeviceSpec spec, Parts parts) {
    const bool seen = co_await refresh(vm, vm->host().deadlines.query);
    Attempt attempt;
    if (!seen) {
        attempt = {Attempt::Verdict::unknown, silence_error(*vm, attach_of(spec), "unknown")};
    } else if (!find_managed(vm->inventory(), spec.name)) {
        const std::vector<std::string> leftovers = co_await delete_parts(vm, spec.name, parts);
        attempt = failed(silence_error(*vm, attach_of(spec), "undone"));
        for (const std::string& each : leftovers) attempt.error.message += stays_text(each);
    }
    co_return attempt;
}

// QEMU refused a step. Everything is taken back; a slot that somebody took meanwhile is worth
// another try.
awaitable<Attempt> settle_refusal(std::shared_ptr<Vm> vm, const Decision& decision, Plan plan,
                                  Execution run) {
    const DeviceSpec spec = decision.spec;
    const std::size_t refused = run.first_refused();
    const std::string advice =
        advice_of(*vm, decision, plan[refused].command, run.answers[refused].error);
    if (qmp::is_only_migratable_refusal(run.answers[refused].error)) {
        vm->link().learn_only_migratable();  // the next peer would leave its backend there as well
    }
    const std::vector<std::string> leftovers =
        co_await roll_back(vm, spec.name, plan, run.outcomes);
    const bool fresh = co_await refresh(vm, vm->host().deadlines.query);
    const bool was_device = std::holds_alternative<AddDevice>(plan[refused].command);
    if (fresh && was_device && slot_was_taken(*vm, spec)) {
        co_return Attempt{
            Attempt::Verdict::again,
            Error(ErrorKind::slot_in_use, "slot " + std::to_string(spec.slot) + " of " + spec.bus +
                                              " was taken meanwhile")};
    }
    if (run.answers[refused].kind == qmp::Answer::Kind::not_sent) {
        co_return failed(busy_error(*vm, attach_of(spec)));
    }
    Error error = qemu_error(plan[refused].command, run.answers[refused].error, leftovers,
                             vm->capabilities()->version);
    if (!advice.empty()) error.message += "; " + advice;
    co_return failed(std::move(error));
}

// The memory is not the region's: without a device it is taken back.
awaitable<Attempt> settle_other_memory(std::shared_ptr<Vm> vm, DeviceSpec spec, Parts parts,
                                       std::string problem) {
    const std::string backend = parts.backend_id;
    const bool gone = co_await delete_backend(vm, backend, spec.name);
    Error error = other_memory_error(vm->name(), parts.memory_path, problem);
    if (!gone) error.message += stays_text(backend);
    co_return failed(std::move(error));
}

awaitable<Attempt> run_plan(std::shared_ptr<Vm> vm, const Decision& decision, Parts parts,
                            UniqueFd fd) {
    const DeviceSpec spec = decision.spec;
    const Plan plan = plan_attach(spec, parts);
    std::string problem;
    Execution run = co_await run_steps(vm, decision, plan, parts, std::move(fd), problem);
    if (!problem.empty()) {
        co_return co_await settle_other_memory(vm, spec, parts, std::move(problem));
    }
    if (run.all_done()) {
        const std::string* told = as_string(run.answers.back().get());
        const std::string landed = told ? *told : std::string();
        if (!parts.bus_path.empty() && landed != parts.bus_path) {
            co_return co_await take_back_misplaced(vm, spec, parts, landed);
        }
        vm->add_device(spec, parts);
        co_return Attempt{};
    }
    if (run.not_sent()) co_return failed(busy_error(*vm, attach_of(spec)));
    if (run.disconnected()) co_return co_await settle_loss(vm, spec, plan);
    if (run.first_refused() == run.outcomes.size()) {
        co_return co_await settle_silence(vm, spec, parts);
    }
    co_return co_await settle_refusal(vm, decision, plan, std::move(run));
}

// Nothing came of it, and QEMU has no such device.
awaitable<void> forget_relay(std::shared_ptr<Vm> vm, DeviceSpec spec) {
    if (!spec.server) co_return;
    vm->host().relays.drop(vm->name(), spec.name);
    co_await forget_doorbell(*vm->host().store, vm->key(), spec.name);
}

// What was decided was decided for that QEMU, and when none of its doorbells was leaving.
std::optional<Error> obstacle_of(const Vm& vm, const Decision& decision) {
    if (vm.session() != decision.session) return gone_error(vm, attach_of(decision.spec));
    if (decision.descriptors && decision.descriptors->parkings != vm.parkings()) {
        return doorbell_left(vm);
    }
    return doorbell_leaving(vm);
}

awaitable<Attempt> connect_and_attach(std::shared_ptr<Vm> vm, Decision& decision, Parts parts) {
    Result<UniqueFd> relay_end = co_await prepare_relay(vm, decision);
    if (!relay_end) co_return failed(relay_end.error());
    const std::optional<Error> obstacle = obstacle_of(*vm, decision);
    if (obstacle) co_return failed(*obstacle);
    Attempt attempt = co_await run_plan(vm, decision, std::move(parts), std::move(*relay_end));
    if (attempt.verdict != Attempt::Verdict::done) co_return attempt;
    vm->host().relays.start(vm->name(), decision.spec.name, room_question(vm));
    if (decision.descriptors) {
        NextDescriptors next = std::move(*decision.descriptors);
        co_await note_descriptors(vm, decision.spec, std::move(next));
    }
    co_return attempt;
}

awaitable<Attempt> attempt_with_server(std::shared_ptr<Vm> vm, Decision& decision, Parts parts) {
    Attempt attempt = co_await connect_and_attach(vm, decision, std::move(parts));
    if (!vm->has_kernel_interrupts(decision.spec)) {
        const Gate::Pass pass = co_await vm->take_numbers();
        co_await release_spare(vm);
    }
    const bool is_there =
        attempt.verdict == Attempt::Verdict::done || attempt.verdict == Attempt::Verdict::unknown;
    if (!is_there) co_await forget_relay(vm, decision.spec);
    co_return attempt;
}

}  // namespace

awaitable<Attempt> attempt_attach(std::shared_ptr<Vm> vm, Decision& decision) {
    Parts parts = parts_of(*vm, decision);
    const Result<void> slot = co_await await_unregistered(vm, decision.spec, parts.backend_id);
    if (!slot) co_return failed(slot.error());
    const Result<void> idle = co_await await_idle_guest(vm, briefly);
    if (!idle) co_return failed(idle.error());
    if (decision.spec.server) co_return co_await attempt_with_server(vm, decision, parts);
    const std::optional<Error> obstacle = obstacle_of(*vm, decision);
    if (obstacle) co_return failed(*obstacle);
    co_return co_await run_plan(vm, decision, std::move(parts), UniqueFd());
}

}  // namespace ivshmemd
