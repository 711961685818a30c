#include "daemon/vm/executor.h"

#include <algorithm>

#include "daemon/base/log.h"
#include "lib/names.h"
#include "proto/qmp/dialect.h"

namespace ivshmemd {
namespace {

StepOutcome outcome_of(const qmp::Answer& answer) {
    switch (answer.kind) {
        case qmp::Answer::Kind::value:
            return StepOutcome::done;
        case qmp::Answer::Kind::refused:
        case qmp::Answer::Kind::not_sent:  // nothing happened
            return StepOutcome::refused;
        case qmp::Answer::Kind::timed_out:
        case qmp::Answer::Kind::disconnected:
            return StepOutcome::unknown;
    }
    return StepOutcome::unknown;
}

// How long a chardev may stay busy: RCU lets go of it 60 to 90 ms after a failed device_add.
constexpr Milliseconds chardev_busy{1000};
constexpr Milliseconds chardev_pause{20};

void report_leak(Vm& vm, const Execution& run, const std::string& what, const std::string& device) {
    if (run.answers[0].kind != qmp::Answer::Kind::refused) return;
    const std::string why = printable(run.answers[0].error.description);
    vm.publish(EventKind::leaked, device, what + " cannot be deleted: " + why);
}

}  // namespace

bool Execution::all_done() const {
    return std::all_of(outcomes.begin(), outcomes.end(),
                       [](StepOutcome each) { return each == StepOutcome::done; });
}

bool Execution::disconnected() const {
    return std::any_of(answers.begin(), answers.end(), [](const qmp::Answer& each) {
        return each.kind == qmp::Answer::Kind::disconnected;
    });
}

bool Execution::not_sent() const {
    return !answers.empty() && answers[0].kind == qmp::Answer::Kind::not_sent;
}

std::size_t Execution::first_refused() const {
    const auto found = std::find(outcomes.begin(), outcomes.end(), StepOutcome::refused);
    return static_cast<std::size_t>(found - outcomes.begin());
}

awaitable<Execution> execute(std::shared_ptr<Vm> vm, std::vector<Command> commands,
                             Milliseconds deadline, UniqueFd fd) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    Execution execution;
    if (!session) {
        execution.answers.assign(commands.size(), {qmp::Answer::Kind::disconnected, nullptr, {}});
    } else {
        std::vector<qmp::Command> spelled;
        for (const Command& command : commands) {
            spelled.push_back(qmp::spell(command, vm->capabilities()->version));
            vm->told_guest(command, false);
            const qmp::Command& last = spelled.back();
            log_debug({vm->name(), ": ", last.name, " ", last.arguments},
                      {{"VM", vm->name()}, {"QMP_COMMAND", last.name}});
        }
        execution.answers = co_await session->call_all(std::move(spelled), deadline, std::move(fd));
        for (std::size_t i = 0; i < commands.size(); ++i) {
            const StepOutcome outcome = outcome_of(execution.answers[i]);
            if (outcome != StepOutcome::unknown) vm->told_guest(commands[i], true);
        }
    }
    for (const qmp::Answer& answer : execution.answers) {
        execution.outcomes.push_back(outcome_of(answer));
    }
    co_return execution;
}

std::vector<Command> commands_of(const Plan& plan) {
    std::vector<Command> commands;
    for (const Step& step : plan) commands.push_back(step.command);
    return commands;
}

Error qemu_error(const Command& command, const qmp::ErrorReply& reply,
                 const std::vector<std::string>& leftovers, const Version& version) {
    if (qmp::is_migration_refusal(reply)) {
        return Error(ErrorKind::migration_active,
                     "the VM began to migrate: " + printable(reply.description, 1000));
    }
    const std::string name = qmp::spell(command, version).name;
    std::string message = "QEMU refused " + name + ": " + reply.error_class + ": " +
                          printable(reply.description, 1000);
    if (!leftovers.empty()) {
        message += "; left behind until QEMU ends:";
        for (const std::string& each : leftovers) message += " " + each;
    }
    return Error(ErrorKind::qemu_error, std::move(message),
                 {{"command", name},
                  {"class", reply.error_class},
                  {"description", reply.description},
                  {"leftovers", leftovers}});
}

Error gone_error(const Vm& vm, const std::string& what) {
    std::string message = "VM " + vm.name() + " went away during " + what;
    if (vm.last_error()) message += ": " + *vm.last_error();
    return Error(ErrorKind::vm_unavailable, std::move(message),
                 {{"state", std::string("unreachable")}});
}

Error busy_error(const Vm& vm, const std::string& what) {
    return Error(ErrorKind::vm_unavailable,
                 "the QEMU of VM " + vm.name() +
                     " leaves too many commands unanswered already; it was not told of " + what +
                     ", and nothing has changed. Try again once it answers",
                 {{"state", std::string("unresponsive")}});
}

Error silence_error(const Vm& vm, const std::string& what, const std::string& outcome) {
    return Error(ErrorKind::timed_out,
                 "VM " + vm.name() + " gave no answer to " + what +
                     " in time; its main loop is blocked or it is stopped. Look again with "
                     "'ivshmemctl list " +
                     vm.name() + "' once it answers",
                 {{"outcome", outcome}});
}

awaitable<bool> delete_backend(std::shared_ptr<Vm> vm, std::string id, std::string device) {
    std::vector<Command> commands;
    commands.push_back(DelBackend{id});
    const Execution run = co_await execute(vm, std::move(commands), vm->host().deadlines.query);
    if (run.all_done()) vm->forget_backend(id);
    report_leak(*vm, run, "backend " + id, device);
    co_return run.all_done();
}

awaitable<bool> delete_chardev(std::shared_ptr<Vm> vm, std::string id, std::string device) {
    const SteadyClock::time_point give_up = SteadyClock::now() + chardev_busy;
    while (true) {
        std::vector<Command> commands;
        commands.push_back(DelChardev{id});
        const Execution run = co_await execute(vm, std::move(commands), vm->host().deadlines.query);
        const bool refused = run.outcomes[0] == StepOutcome::refused;
        if (refused && SteadyClock::now() < give_up && !vm->stopping()) {
            co_await vm->sleep_until(SteadyClock::now() + chardev_pause);
            continue;
        }
        if (run.all_done()) vm->forget_chardev(id);
        report_leak(*vm, run, "chardev " + id, device);
        co_return run.all_done();
    }
}

}  // namespace ivshmemd
