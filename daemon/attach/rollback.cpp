#include "daemon/attach/rollback.h"

#include "daemon/vm/executor.h"

namespace ivshmemd {

awaitable<std::vector<std::string>> roll_back(std::shared_ptr<Vm> vm, std::string device, Plan plan,
                                              std::vector<StepOutcome> outcomes) {
    std::vector<std::string> leftovers;
    for (const Command& command : undo_of(plan, outcomes)) {
        // A device that was accepted is never part of a failure.
        if (const auto* backend = std::get_if<DelBackend>(&command)) {
            if (!co_await delete_backend(vm, backend->id, device)) leftovers.push_back(backend->id);
        } else if (const auto* chardev = std::get_if<DelChardev>(&command)) {
            if (!co_await delete_chardev(vm, chardev->id, device)) leftovers.push_back(chardev->id);
        } else if (std::holds_alternative<CloseFd>(command)) {
            std::vector<Command> close{command};  // refused where the chardev took it
            co_await execute(vm, std::move(close), vm->host().deadlines.query);
        }
    }
    co_return leftovers;
}

awaitable<std::vector<std::string>> delete_parts(std::shared_ptr<Vm> vm, std::string device,
                                                 Parts parts) {
    std::vector<std::string> leftovers;
    // One that QEMU did delete, or never made, is no leak.
    if (find_backend(vm->inventory(), parts.backend_id)) {
        const bool gone = co_await delete_backend(vm, parts.backend_id, device);
        if (!gone) leftovers.push_back(parts.backend_id);
    }
    if (!parts.chardev_id.empty()) {
        const bool gone = co_await delete_chardev(vm, parts.chardev_id, device);
        if (!gone) leftovers.push_back(parts.chardev_id);
    }
    co_return leftovers;
}

}  // namespace ivshmemd
