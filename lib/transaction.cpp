#include "lib/transaction.h"

#include <algorithm>
#include <optional>

namespace ivshmemd {
namespace {

// One after the other in each VM; all at once otherwise.
bool is_in_order(Task::Kind kind) {
    return kind == Task::Kind::attach || kind == Task::Kind::put_back;
}

Task undo_of(const Task& task) {
    const bool attached = task.kind == Task::Kind::attach;
    return {attached ? Task::Kind::take_back : Task::Kind::put_back, task.vm, task.step};
}

// What the memory of a master is known by; nothing for what is no master.
std::optional<std::string> memory_of_master(const DeviceRequest& request,
                                            const RegionPlaces& places) {
    if (request.role != Role::master) return std::nullopt;
    if (request.server) return *request.server;
    const std::string region = request.region.value_or(request.name);
    if (!places.check(region)) return std::nullopt;  // a fault of its own
    return places.path_of(region);
}

std::string listed(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

}  // namespace

Transaction::Transaction(std::vector<VmPlan> plans, Extent extent)
    : plans_(std::move(plans)), extent_(extent), late_(plans_.size()), waiting_(plans_.size()) {}

std::string Transaction::device_of(const Task& task) const {
    const VmPlan& plan = plans_[task.vm];
    const bool comes = task.kind == Task::Kind::attach || task.kind == Task::Kind::take_back;
    return plan.vm + "/" + (comes ? plan.attach[task.step].name : plan.detach[task.step]);
}

std::vector<Task> Transaction::begin() {
    std::vector<Task> tasks = tasks_of(Stage::checking);
    if (tasks.empty()) stage_ = Stage::over;
    return start(std::move(tasks));
}

std::vector<Task> Transaction::checked(std::size_t vm, std::vector<Error> faults,
                                       const std::set<std::size_t>& late) {
    for (Error& fault : faults) {
        if (fault.vm.empty()) fault.vm = plans_[vm].vm;
        failures_.push_back(std::move(fault));
    }
    late_[vm] = late;
    --running_;
    if (running_ > 0) return {};
    // As they were planned: which VM was looked at sooner says nothing.
    const auto place_of = [this](const Error& fault) {
        return std::find_if(plans_.begin(), plans_.end(),
                            [&](const VmPlan& plan) { return plan.vm == fault.vm; });
    };
    std::stable_sort(failures_.begin(), failures_.end(), [&](const Error& one, const Error& other) {
        return place_of(one) < place_of(other);
    });
    return enter_next();
}

std::vector<Task> Transaction::finished(const Task& task, Outcome outcome, Error error) {
    note(task, outcome, std::move(error));
    --running_;
    std::deque<Task>& waiting = waiting_[task.vm];
    if (!failures_.empty() && !is_undoing()) waiting.clear();
    if (is_in_order(task.kind) && !waiting.empty()) {
        const Task next = waiting.front();
        waiting.pop_front();
        ++running_;
        return {next};
    }
    return running_ > 0 ? std::vector<Task>() : enter_next();
}

void Transaction::note(const Task& task, Outcome outcome, Error error) {
    const bool failed = outcome == Outcome::failed || outcome == Outcome::doubtful;
    if (is_undoing()) {
        if (failed) leftovers_.push_back(device_of(task));
        return;
    }
    if (failed) {
        const std::string device = device_of(task);
        error.vm = plans_[task.vm].vm;
        error.details.emplace_back("device", device.substr(error.vm.size() + 1));
        failures_.push_back(std::move(error));
    }
    const bool attach = task.kind == Task::Kind::attach;
    // A guest that was asked to let a device go may do so at any time.
    if (outcome == Outcome::doubtful && !attach) leftovers_.push_back(device_of(task));
    const bool may_be_there = outcome == Outcome::done || (outcome == Outcome::doubtful && attach);
    if (may_be_there) (attach ? attached_ : detached_).push_back(task);
}

Transaction::Stage Transaction::following() const {
    const bool failed = !failures_.empty();
    switch (stage_) {
        case Stage::checking:
            return failed || extent_ == Extent::check_only ? Stage::over : Stage::attaching;
        case Stage::attaching:
            return failed ? Stage::taking_back : Stage::detaching;
        case Stage::detaching:
            return failed ? Stage::taking_back : Stage::joining;
        case Stage::joining:
            return failed ? Stage::taking_back : Stage::over;
        case Stage::taking_back:
            return Stage::putting_back;
        case Stage::putting_back:
        case Stage::over:
            break;
    }
    return Stage::over;
}

std::vector<Task> Transaction::tasks_of(Stage stage) const {
    std::vector<Task> tasks;
    if (stage == Stage::taking_back) {
        for (const Task& each : attached_) tasks.push_back(undo_of(each));
    }
    if (stage == Stage::putting_back) {
        for (const Task& each : detached_) tasks.push_back(undo_of(each));
    }
    const bool attaches = stage == Stage::attaching || stage == Stage::joining;
    for (std::size_t vm = 0; vm < plans_.size(); ++vm) {
        const VmPlan& plan = plans_[vm];
        if (stage == Stage::checking) tasks.push_back({Task::Kind::check, vm, 0});
        for (std::size_t step = 0; attaches && step < plan.attach.size(); ++step) {
            const bool is_late = late_[vm].contains(step);
            if (is_late == (stage == Stage::joining)) {
                tasks.push_back({Task::Kind::attach, vm, step});
            }
        }
        for (std::size_t step = 0; stage == Stage::detaching && step < plan.detach.size(); ++step) {
            tasks.push_back({Task::Kind::detach, vm, step});
        }
    }
    return tasks;
}

std::vector<Task> Transaction::enter_next() {
    std::vector<Task> tasks;
    while (tasks.empty() && !over()) {
        stage_ = following();
        tasks = start(tasks_of(stage_));
    }
    return tasks;
}

std::vector<Task> Transaction::start(std::vector<Task> tasks) {
    std::vector<Task> first;
    std::set<std::size_t> busy;
    for (const Task& task : tasks) {
        const bool waits = is_in_order(task.kind) && !busy.insert(task.vm).second;
        if (waits) {
            waiting_[task.vm].push_back(task);
        } else {
            first.push_back(task);
        }
    }
    running_ = first.size();
    return first;
}

std::string master_before(const std::vector<VmPlan>& plans, std::size_t vm, std::size_t step,
                          const RegionPlaces& places) {
    const auto memory = memory_of_master(plans[vm].attach[step], places);
    if (!memory) return "";
    for (std::size_t i = 0; i <= vm; ++i) {
        const std::vector<DeviceRequest>& attach = plans[i].attach;
        const std::size_t end = i == vm ? step : attach.size();
        for (std::size_t j = 0; j < end; ++j) {
            if (memory_of_master(attach[j], places) == memory) {
                return plans[i].vm + "/" + attach[j].name;
            }
        }
    }
    return "";
}

Error transaction_error(const std::vector<Error>& failures, std::vector<std::string> leftovers,
                        const std::vector<std::string>& returning,
                        const std::vector<std::string>& leaving) {
    const Error& first = failures.front();
    const std::string device = text_detail(first, "device");
    std::string message = first.vm + (device.empty() ? "" : "/" + device);
    message += (message.empty() ? "" : ": ") + first.message;
    if (failures.size() > 1) {
        message += "; and " + std::to_string(failures.size() - 1) + " more";
    }
    message += leftovers.empty() ? "; nothing has changed"
                                 : "; all else is as it was, but not " + listed(leftovers);
    if (!returning.empty()) {
        message += "; plugged in again as soon as that can be: " + listed(returning);
    }
    if (!leaving.empty()) {
        message += "; taken out as soon as their VM can be asked: " + listed(leaving);
    }
    Error error(ErrorKind::transaction_failed, message);
    error.vm = first.vm;
    error.details.emplace_back("undone", leftovers.empty());
    error.details.emplace_back("leftovers", std::move(leftovers));
    if (!returning.empty()) error.details.emplace_back("returning", returning);
    if (!leaving.empty()) error.details.emplace_back("leaving", leaving);
    error.details.emplace_back("faults", failures);
    return error;
}

}  // namespace ivshmemd
