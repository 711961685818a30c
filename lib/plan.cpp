#include "lib/plan.h"

#include "lib/names.h"

namespace ivshmemd {

Plan plan_attach(const DeviceSpec& spec, const std::string& backend,
                 const std::string& region_path) {
    const std::string id = device_id(spec.name);
    return {
        {AddBackend{backend, region_path, spec.size}, DelBackend{backend}},
        {AddDevice{id, backend, spec}, DelDevice{id}},
    };
}

std::vector<Command> undo_of(const Plan& plan, const std::vector<StepOutcome>& outcomes) {
    std::vector<Command> commands;
    for (std::size_t i = plan.size(); i-- > 0;) {
        const StepOutcome outcome = i < outcomes.size() ? outcomes[i] : StepOutcome::refused;
        if (outcome != StepOutcome::refused && plan[i].undo) commands.push_back(*plan[i].undo);
    }
    return commands;
}

}  // namespace ivshmemd
