#include "lib/plan.h"

#include "lib/names.h"

namespace ivshmemd {

namespace {

Plan plan_of(const DeviceSpec& spec, const Parts& parts) {
    const std::string id = device_id(spec.name);
    const Step device{AddDevice{id, parts, spec}, DelDevice{id}};
    if (spec.server) {
        return {{PassFd{*spec.server}, CloseFd{*spec.server}},
                {AddChardev{parts.chardev_id, *spec.server}, DelChardev{parts.chardev_id}},
                device};
    }
    const AddBackend backend{parts.backend_id, parts.memory_path, spec.size,
                             spec.readonly,    spec.numa,         spec.prealloc};
    const Step memory{backend, DelBackend{parts.backend_id}};
    if (spec.model != Model::legacy) return {memory, device};
    return {memory, {DelBackend{parts.backend_id}, std::nullopt}, device};
}

// Whether a step with that outcome has done already what would take back an earlier one.
bool has_deleted(const Step& step, StepOutcome outcome, const Command& undo) {
    const auto* deleted = std::get_if<DelBackend>(&step.command);
    const auto* wanted = std::get_if<DelBackend>(&undo);
    return outcome == StepOutcome::done && deleted && wanted && deleted->id == wanted->id;
}

bool is_undone(const Plan& plan, const std::vector<StepOutcome>& outcomes, const Command& undo) {
    for (std::size_t i = 0; i < plan.size() && i < outcomes.size(); ++i) {
        if (has_deleted(plan[i], outcomes[i], undo)) return true;
    }
    return false;
}

}  // namespace

Plan plan_attach(const DeviceSpec& spec, const Parts& parts) {
    Plan plan = plan_of(spec, parts);
    if (!parts.bus_path.empty()) plan.push_back({AskBus{device_id(spec.name)}, std::nullopt});
    return plan;
}

std::vector<Command> undo_of(const Plan& plan, const std::vector<StepOutcome>& outcomes) {
    std::vector<Command> commands;
    for (std::size_t i = plan.size(); i-- > 0;) {
        const StepOutcome outcome = i < outcomes.size() ? outcomes[i] : StepOutcome::refused;
        if (outcome == StepOutcome::refused || !plan[i].undo) continue;
        if (!is_undone(plan, outcomes, *plan[i].undo)) commands.push_back(*plan[i].undo);
    }
    return commands;
}

}  // namespace ivshmemd
