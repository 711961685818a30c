#include "daemon/attach/attach.h"
#include "daemon/detach/detach.h"
#include "daemon/migration/plug_back.h"
#include "daemon/transaction/record.h"
#include "daemon/transaction/run.h"
#include "daemon/vm/refresh.h"

namespace ivshmemd {
namespace {

using Outcome = Transaction::Outcome;
using StepRun = std::shared_ptr<TransactionRun>;

constexpr Milliseconds pause_between_attempts{20};

Error no_longer_there(const std::string& vm) {
    return Error(ErrorKind::no_such_vm, "ivshmemd no longer looks after VM " + vm);
}

// Whether that QEMU has ended: with it ended all that it had.
awaitable<bool> has_ended(std::shared_ptr<Vm> vm) {
    const Deadlines& deadlines = vm->host().deadlines;
    const std::shared_ptr<qmp::Session> session = vm->session();
    const SteadyClock::time_point give_up = SteadyClock::now() + deadlines.greeting;
    // The connection may have been lost a moment ago.
    while (session && session->cause() && vm->session() == session &&
           SteadyClock::now() < give_up) {
        co_await vm->changed().wait_until(give_up);
    }
    // One that is just dying may take a connection still, and end it before it greets.
    while (true) {
        co_await wait_connected(vm, deadlines.greeting);
        if (vm->sight() == Sight::nobody) co_return true;
        const bool may_be_dying = vm->state() == VmState::unreachable && !vm->stopping();
        if (!may_be_dying || SteadyClock::now() >= give_up) co_return false;
        co_await vm->sleep_until(SteadyClock::now() + pause_between_attempts);
    }
}

// Whether QEMU may carry it out all the same: it was silent, or went away before it had answered.
bool is_doubtful(const Error& error) {
    return error.kind == ErrorKind::timed_out || error.kind == ErrorKind::vm_unavailable;
}

void note_leaks(TransactionRun& run, const std::string& vm, const Error& error) {
    for (const ErrorDetail& each : error.details) {
        const auto* left = std::get_if<std::vector<std::string>>(&each.second);
        if (!left || each.first != "leftovers") continue;
        for (const std::string& what : *left) run.leaked.push_back(vm + ":" + what);
    }
}

RegionMaking making_for(const StepRun& run, const DeviceRequest& request) {
    RegionMaking making;
    making.made = [run](const std::string& path, const RegionIdentity& file) {
        run->made[path] = file;
    };
    making.change = run->number;
    const std::map<std::string, mode_t>& modes = run->wishes.modes;
    const auto wanted = modes.find(region_path(run->host.regions.places(), request));
    if (!request.server && wanted != modes.end()) making.mode = wanted->second;
    return making;
}

awaitable<void> attach_step(StepRun run, std::shared_ptr<Vm> vm, Task task, TaskEnd& end) {
    DeviceRequest request = (*run->plans)[task.vm].attach[task.step];
    RegionMaking making = making_for(run, request);
    Result<Attached> attached = co_await attach(vm, std::move(request), std::move(making));
    if (attached) {
        end.outcome = attached->changed ? Outcome::done : Outcome::unchanged;
        if (!attached->changed) co_await note_unchanged(run, vm, attached->device.spec.name);
        run->result.vms[task.vm].attached[task.step] = std::move(*attached);
        co_return;
    }
    end.error = attached.error();
    end.outcome = is_doubtful(end.error) ? Outcome::doubtful : Outcome::failed;
    note_leaks(*run, vm->name(), end.error);
}

DetachProgress progress_of(const StepRun& run, const Task& task) {
    return [run, vm = (*run->plans)[task.vm].vm](const std::string&, const std::string& text) {
        std::size_t total = 0;
        for (const VmPlan& plan : *run->plans) total += plan.attach.size() + plan.detach.size();
        run->progress({"detaching", vm + ": " + text, run->steps_done, total});
    };
}

Error not_let_go_error(const std::string& device) {
    return Error(ErrorKind::timed_out,
                 "the guest did not let " + device + " go in time, and still may",
                 {{"outcome", std::string("unknown")}});
}

awaitable<void> detach_step(StepRun run, std::shared_ptr<Vm> vm, Task task, TaskEnd& end) {
    const std::optional<Device> device = vm->device(run->name_of(task));
    if (device) run->taken_out[run->course.device_of(task)] = spec_to_repeat(*device);
    const Result<Detached> left = co_await ask_to_leave(run, vm, task, false, run->wishes.timeout);
    if (left) {
        run->result.vms[task.vm].detached[task.step] = *left;
        const bool pending = *left == Detached::pending && !run->wishes.may_pend;
        end.outcome = pending ? Outcome::doubtful : Outcome::done;
        if (!pending) co_return;
        end.error = not_let_go_error(run->name_of(task));
        run->to_return.push_back(task);
        co_return;
    }
    end.error = left.error();
    const bool doubtful = is_doubtful(end.error);
    if (!doubtful) co_return;
    const bool ended = co_await has_ended(vm);
    if (ended) co_return;
    end.outcome = Outcome::doubtful;
    run->to_return.push_back(task);
}

bool has_made_region_of(const TransactionRun& run, const Vm& vm, const std::string& name) {
    const std::optional<Device> device = vm.device(name);
    if (!device || !device->spec.region) return false;
    return run.made.contains(run.host.regions.path_of(*device->spec.region));
}

// One that its guest keeps has its region go with it, if that was made for it.
awaitable<void> take_back_step(StepRun run, std::shared_ptr<Vm> vm, Task task, TaskEnd& end) {
    const bool ended = co_await has_ended(vm);
    if (ended) {
        end.outcome = Outcome::done;
        co_return;
    }
    const std::shared_ptr<qmp::Session> session = vm->session();
    const Result<Detached> left = co_await ask_to_leave(run, vm, task, false, run->wishes.timeout);
    const bool never_was = !left && left.error().kind == ErrorKind::no_such_device;
    // Not where it is in a run state that lets nothing go.
    const bool could_be_asked = vm->session() == session && !vm->unavailable();
    if (!left && !never_was && !could_be_asked) {
        run->left[vm->name()].insert(run->name_of(task));
    }
    const bool gone = never_was || (left && *left == Detached::removed);
    end.outcome = gone ? Outcome::done : Outcome::failed;
    if (!left || gone || !has_made_region_of(*run, *vm, run->name_of(task))) co_return;
    co_await ask_to_leave(run, vm, task, true, Milliseconds(0));
}

awaitable<void> put_back_step(StepRun run, std::shared_ptr<Vm> vm, Task task, TaskEnd& end) {
    const bool ended = co_await has_ended(vm);
    if (ended) {
        end.outcome = Outcome::done;
        co_return;
    }
    DeviceSpec spec = run->taken_out[run->course.device_of(task)];
    const Result<Device> back = co_await plug_in(vm, std::move(spec), Asker::client);
    end.outcome = back ? Outcome::done : Outcome::failed;
    if (!back) run->to_return.push_back(task);
}

}  // namespace

awaitable<Result<Detached>> ask_to_leave(StepRun run, std::shared_ptr<Vm> vm, Task task,
                                         bool with_region, Milliseconds timeout) {
    DetachRequest request;
    request.name = run->name_of(task);
    request.timeout = timeout;
    request.remove_region = with_region;
    request.on_record = true;  // QEMU does not tell later that it was asked
    DetachProgress progress = progress_of(run, task);
    co_return co_await detach(vm, std::move(request), std::move(progress));
}

awaitable<void> carry_out_task(StepRun run, Task task, std::shared_ptr<TaskEnd> end) {
    const std::shared_ptr<Vm> vm = run->vm(task.vm);
    if (!vm) {
        const bool undo = task.kind == Task::Kind::take_back || task.kind == Task::Kind::put_back;
        if (undo) end->outcome = Outcome::done;
        end->error = no_longer_there((*run->plans)[task.vm].vm);
        co_return;
    }
    co_await write_change_down(run);
    switch (task.kind) {
        case Task::Kind::check:
            break;
        case Task::Kind::attach:
            co_await attach_step(run, vm, task, *end);
            break;
        case Task::Kind::detach:
            co_await detach_step(run, vm, task, *end);
            break;
        case Task::Kind::take_back:
            co_await take_back_step(run, vm, task, *end);
            break;
        case Task::Kind::put_back:
            co_await put_back_step(run, vm, task, *end);
            break;
    }
}

}  // namespace ivshmemd
