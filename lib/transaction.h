#pragma once

#include <cstddef>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "lib/device.h"
#include "lib/region_places.h"
#include "lib/result.h"

// Changes to several VMs, of which all take effect or none
//
// Everything is checked, for all VMs, before anything is begun. Then each VM gets what it is to
// have. Only when all have that is anything taken out, and only after that comes what could not be
// there beside what left: a device that changes leaves and comes again. From the first failure on
// nothing new is begun; when what is under way has ended, what was attached is detached, and what
// was detached is attached as it was. What cannot be undone, such as a device that its guest keeps,
// is named.
//
// VMs are changed side by side. One VM gets its devices one after the other, and is asked for all
// that leave it at once, for its guest may take its time for each.
namespace ivshmemd {

/// What one VM is to get and to lose.
struct VmPlan {
    std::string vm;
    std::vector<DeviceRequest> attach;
    std::vector<std::string> detach;  // names of its devices
};

/// Something to be carried out for one VM.
struct Task {
    enum class Kind {
        check,      // everything that is planned for it
        attach,     // `step` counts VmPlan::attach
        detach,     // `step` counts VmPlan::detach
        take_back,  // detach what was attached
        put_back,   // attach what was detached, as it was
    };
    Kind kind = Kind::check;
    std::size_t vm = 0;
    std::size_t step = 0;

    bool operator==(const Task&) const = default;
};

/// The course of one transaction. Pure: whoever runs it carries out the tasks, all at the same time
/// and in any order, and tells of the end of each. That says what to do next.
class Transaction {
  public:
    enum class Extent { everything, check_only };

    explicit Transaction(std::vector<VmPlan> plans, Extent extent = Extent::everything);

    const std::vector<VmPlan>& plans() const { return plans_; }
    /// "VM/NAME" of the device that a task is about.
    std::string device_of(const Task& task) const;

    std::vector<Task> begin();

    /// `late`: steps of `attach` that have to wait until what leaves has left. Any fault keeps the
    /// transaction from beginning.
    std::vector<Task> checked(std::size_t vm, std::vector<Error> faults,
                              const std::set<std::size_t>& late);

    enum class Outcome {
        done,
        unchanged,  // it was so already: nothing to be undone
        failed,     // and nothing came of it
        doubtful,   // failed, and may take effect all the same
    };
    std::vector<Task> finished(const Task& task, Outcome outcome, Error error = {});

    bool over() const { return stage_ == Stage::over; }
    /// What went wrong: in what was planned, or at the start of the failure, in the order it did.
    /// Empty when all took effect.
    const std::vector<Error>& failures() const { return failures_; }
    /// "VM/NAME" of devices that are not as they were before.
    const std::vector<std::string>& leftovers() const { return leftovers_; }

  private:
    enum class Stage { checking, attaching, detaching, joining, taking_back, putting_back, over };

    bool is_undoing() const { return stage_ >= Stage::taking_back; }
    Stage following() const;
    std::vector<Task> tasks_of(Stage stage) const;
    std::vector<Task> enter_next();
    std::vector<Task> start(std::vector<Task> tasks);
    void note(const Task& task, Outcome outcome, Error error);

    std::vector<VmPlan> plans_;
    Extent extent_;
    Stage stage_ = Stage::checking;
    std::vector<std::set<std::size_t>> late_;  // by VM
    std::vector<std::deque<Task>> waiting_;    // by VM: after the one that is under way there
    std::size_t running_ = 0;
    std::vector<Task> attached_;
    std::vector<Task> detached_;
    std::vector<Error> failures_;
    std::vector<std::string> leftovers_;
};

/// "VM/NAME" of another master of the same memory that is planned before this step; empty when
/// there is none. A region has one master over all VMs.
std::string master_before(const std::vector<VmPlan>& plans, std::size_t vm, std::size_t step,
                          const RegionPlaces& places);

/// TransactionFailed for what went wrong first: its VM, its device and its name, everything else
/// that went wrong, and what is left. `failures` is not empty. `returning`: those of the leftovers
/// that are attached again later. `leaving`: those that are taken out later.
Error transaction_error(const std::vector<Error>& failures, std::vector<std::string> leftovers,
                        const std::vector<std::string>& returning = {},
                        const std::vector<std::string>& leaving = {});

}  // namespace ivshmemd
