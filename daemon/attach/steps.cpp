#include "daemon/attach/steps.h"

#include "daemon/attach/proof.h"

namespace ivshmemd {
namespace {

void append(Execution& run, Execution more) {
    std::move(more.answers.begin(), more.answers.end(), std::back_inserter(run.answers));
    run.outcomes.insert(run.outcomes.end(), more.outcomes.begin(), more.outcomes.end());
}

// A QEMU that has gone maps nothing, which proves nothing; and the next is not to hear of this.
bool is_lost(const Vm& vm, const Decision& decision, Execution& run) {
    if (vm.session() == decision.session && !decision.session->cause()) return false;
    const qmp::Answer lost{qmp::Answer::Kind::disconnected, nullptr, {}};
    append(run, Execution{{lost}, {StepOutcome::unknown}});
    return true;
}

// Sends the first of the commands, alone.
awaitable<void> send_first(std::shared_ptr<Vm> vm, std::vector<Command>& commands, Execution& run) {
    std::vector<Command> first{commands.front()};
    commands.erase(commands.begin());
    Execution more = co_await execute(vm, std::move(first), vm->host().deadlines.add);
    append(run, std::move(more));
}

}  // namespace

awaitable<Execution> run_steps(std::shared_ptr<Vm> vm, const Decision& decision, const Plan& plan,
                               Parts& parts, UniqueFd fd, std::string& problem) {
    const Milliseconds deadline = vm->host().deadlines.add;
    std::vector<Command> commands = commands_of(plan);
    if (parts.backend_id.empty()) {
        co_return co_await execute(vm, std::move(commands), deadline, std::move(fd));
    }
    Execution run;
    co_await send_first(vm, commands, run);
    if (!run.all_done()) co_return run;
    const Proof proof = co_await prove_memory(vm, decision, parts);
    if (is_lost(*vm, decision, run)) co_return run;
    parts.memory = proof.memory;
    problem = proof.problem;
    if (!problem.empty()) co_return run;
    if (std::holds_alternative<DelBackend>(commands.front())) {
        co_await send_first(vm, commands, run);
        if (!run.all_done()) co_return run;
        vm->forget_backend(parts.backend_id);
        parts.backend_id.clear();
        if (is_lost(*vm, decision, run)) co_return run;
    }
    Execution more = co_await execute(vm, std::move(commands), deadline);
    append(run, std::move(more));
    co_return run;
}

}  // namespace ivshmemd
