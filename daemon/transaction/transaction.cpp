#include "daemon/transaction/transaction.h"

#include "daemon/transaction/check.h"
#include "daemon/transaction/record.h"
#include "daemon/transaction/run.h"

namespace ivshmemd {
namespace {

using RunningTransaction = std::shared_ptr<TransactionRun>;

std::string phase_of(Task::Kind kind) {
    switch (kind) {
        case Task::Kind::check:
            return "checking";
        case Task::Kind::attach:
            return "attaching";
        case Task::Kind::detach:
            return "detaching";
        case Task::Kind::take_back:
        case Task::Kind::put_back:
            break;
    }
    return "undoing";
}

std::string text_of(const TransactionRun& run, const Task& task) {
    const std::string& vm = (*run.plans)[task.vm].vm;
    switch (task.kind) {
        case Task::Kind::check:
            return "checking VM " + vm;
        case Task::Kind::attach:
            return "attaching " + run.name_of(task) + " to " + vm;
        case Task::Kind::detach:
            return "detaching " + run.name_of(task) + " from " + vm;
        case Task::Kind::take_back:
            return "taking " + run.name_of(task) + " out of " + vm + " again";
        case Task::Kind::put_back:
            break;
    }
    return "plugging " + run.name_of(task) + " back into " + vm;
}

std::size_t steps_of(const std::vector<VmPlan>& plans) {
    std::size_t count = 0;
    for (const VmPlan& plan : plans) count += plan.attach.size() + plan.detach.size();
    return count;
}

void tell_begin(const TransactionRun& run, const Task& task) {
    run.progress({phase_of(task.kind), text_of(run, task), run.steps_done, steps_of(*run.plans)});
}

std::vector<std::string> names_of(const DevicesOfVms& devices) {
    std::vector<std::string> names;
    for (const auto& [vm, all] : devices) {
        for (const std::string& device : all) names.push_back(vm + "/" + device);
    }
    return names;
}

awaitable<void> carry_out_check(RunningTransaction run, Task task,
                                std::shared_ptr<PlanCheck> check) {
    *check = co_await check_plan(run->host, run->plans, task.vm);
}

void begin(const RunningTransaction& run, const std::vector<Task>& tasks);

void take_check(const RunningTransaction& run, const Task& task, PlanCheck& check) {
    run->result.vms[task.vm].attached = std::move(check.devices);
    begin(run, run->course.checked(task.vm, std::move(check.faults), check.late));
}

void take_end(const RunningTransaction& run, const Task& task, TaskEnd& end) {
    const bool forward = task.kind == Task::Kind::attach || task.kind == Task::Kind::detach;
    if (forward && end.outcome != Transaction::Outcome::failed) ++run->steps_done;
    begin(run, run->course.finished(task, end.outcome, std::move(end.error)));
}

void begin_check(const RunningTransaction& run, const Task& task) {
    const auto check = std::make_shared<PlanCheck>();
    run->scope.spawn("a transaction's check", carry_out_check(run, task, check),
                     [run, task, check](bool failed) {
                         if (failed) check->faults.push_back(TaskEnd().error);
                         take_check(run, task, *check);
                     });
}

void begin_task(const RunningTransaction& run, const Task& task) {
    const auto end = std::make_shared<TaskEnd>();
    run->scope.spawn("a transaction's step", carry_out_task(run, task, end),
                     [run, task, end](bool) { take_end(run, task, *end); });
}

void begin(const RunningTransaction& run, const std::vector<Task>& tasks) {
    for (const Task& task : tasks) {
        tell_begin(*run, task);
        if (task.kind == Task::Kind::check) {
            begin_check(run, task);
        } else {
            begin_task(run, task);
        }
    }
    if (run->course.over()) run->ended.notify_all();
}

}  // namespace

TransactionRun::TransactionRun(Host& host_, std::vector<VmPlan> plans_, TransactionWishes wishes_,
                               TransactionProgress progress_)
    : host(host_),
      wishes(std::move(wishes_)),
      progress(std::move(progress_)),
      course(std::move(plans_),
             wishes.dry_run ? Transaction::Extent::check_only : Transaction::Extent::everything),
      plans(std::make_shared<const std::vector<VmPlan>>(course.plans())),
      scope(host.executor, [](const std::string&) {}),
      ended(host.executor) {
    for (const VmPlan& plan : *plans) {
        result.vms.push_back({plan.vm, {}, {}});
        result.vms.back().attached.resize(plan.attach.size());
        result.vms.back().detached.resize(plan.detach.size());
    }
}

std::shared_ptr<Vm> TransactionRun::vm(std::size_t index) const {
    const auto found = host.vms.find((*plans)[index].vm);
    return found == host.vms.end() ? nullptr : found->second;
}

std::string TransactionRun::name_of(const Task& task) const {
    const std::string both = course.device_of(task);
    return both.substr(both.find('/') + 1);
}

awaitable<Result<TransactionResult>> run_transaction(Host& host, std::vector<VmPlan> plans,
                                                     TransactionWishes wishes,
                                                     TransactionProgress progress) {
    const auto run = std::make_shared<TransactionRun>(host, std::move(plans), std::move(wishes),
                                                      std::move(progress));
    begin(run, run->course.begin());
    while (!run->course.over()) co_await run->ended.wait_until(SteadyClock::time_point::max());
    if (run->course.failures().empty()) {
        co_await strike_change_out(run);
        if (!run->wishes.dry_run) co_await settle_success(run);
        co_return std::move(run->result);
    }
    std::vector<std::string> left = run->course.leftovers();
    left.insert(left.end(), run->leaked.begin(), run->leaked.end());
    const std::vector<std::string> returning = co_await return_later(run);
    const std::vector<std::string> regions = co_await take_back_regions(run);
    co_await strike_change_out(run);
    left.insert(left.end(), regions.begin(), regions.end());
    const std::vector<std::string> leaving = names_of(run->left);
    co_return transaction_error(run->course.failures(), std::move(left), returning, leaving);
}

}  // namespace ivshmemd
