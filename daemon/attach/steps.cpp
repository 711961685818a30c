#include "daemon/attach/steps.h"

#include "daemon/attach/proof.h"

namespace ivshmemd {
namespace {

void append(Execution& run, Execution more) {
    std::move(more.answers.begin(), more.answers.end(), std::back_inserter(run.answers));
    run.outcomes.insert(run.outcomes.end(), more.outcomes.begin(), more.outcomes.end());
}

}  // namespace

awaitable<Execution> run_steps(std::shared_ptr<Vm> vm, const Decision& decision, const Plan& plan,
                               Parts& parts, UniqueFd fd, std::string& problem) {
    const Milliseconds deadline = vm->host().deadlines.add;
    std::vector<Command> commands = commands_of(plan);
    if (parts.backend_id.empty()) {
        co_return co_await execute(vm, std::move(commands), deadline, std::move(fd));
    }
    std::vector<Command> rest(commands.begin() + 1, commands.end());
    commands.resize(1, commands.front());
    Execution run = co_await execute(vm, std::move(commands), deadline);
    if (!run.all_done()) co_return run;
    const Proof proof = co_await prove_memory(vm, decision, parts);
    // A QEMU that has gone maps nothing, which proves nothing; and the next is not to hear of this.
    if (vm->session() != decision.session || decision.session->cause()) {
        const qmp::Answer lost{qmp::Answer::Kind::disconnected, nullptr, {}};
        append(run, Execution{{lost}, {StepOutcome::unknown}});
        co_return run;
    }
    parts.memory = proof.memory;
    problem = proof.problem;
    if (!problem.empty()) co_return run;
    Execution more = co_await execute(vm, std::move(rest), deadline);
    append(run, std::move(more));
    co_return run;
}

}  // namespace ivshmemd
