#include "daemon/vm/attach.h"

#include "daemon/vm/attach_decision.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/refresh.h"
#include "daemon/vm/verify.h"
#include "lib/names.h"
#include "lib/plan.h"
#include "lib/resolve.h"
#include "proto/qmp/dialect.h"
#include "proto/qmp/queries.h"

namespace ivshmemd {
namespace {

// Between two looks at QEMU's RAM blocks.
constexpr Milliseconds ram_block_pause{50};

// Waits while every slot that would do is resting.
awaitable<Result<Placement>> find_place(std::shared_ptr<Vm> vm, PlacementRequest wanted) {
    while (true) {
        const auto choice = place(wanted, vm->inventory().buses, vm->vacated());
        if (!choice) co_return choice.error();
        if (const auto* found = std::get_if<Placement>(&*choice)) co_return *found;
        co_await vm->sleep_until(SteadyClock::now() + std::get<WaitForSlot>(*choice).wait);
        if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    }
}

// Makes the region file when there is none; what it is then, for taking it back.
awaitable<Result<std::optional<RegionIdentity>>> prepare_region(std::shared_ptr<Vm> vm,
                                                                Decision decision) {
    Host& host = vm->host();
    if (!decision.region.create) {
        host.regions.grant(decision.region.path, vm->qemu_user());
        co_return std::optional<RegionIdentity>();
    }
    const auto make = [files = host.regions, spec = decision.spec, user = vm->qemu_user()] {
        return files.create(*spec.region, spec.size, user);
    };
    const Result<RegionIdentity> made = co_await host.worker.run(make);
    if (!made) co_return made.error();
    co_return std::optional<RegionIdentity>(*made);
}

// Takes back what took effect. The ids that could not be deleted.
awaitable<std::vector<std::string>> roll_back(std::shared_ptr<Vm> vm, std::string device, Plan plan,
                                              std::vector<StepOutcome> outcomes) {
    std::vector<std::string> leftovers;
    for (const Command& command : undo_of(plan, outcomes)) {
        const auto* backend = std::get_if<DelBackend>(&command);
        if (!backend) continue;  // a device that was accepted is never part of a failure
        if (!co_await delete_backend(vm, backend->id, device)) leftovers.push_back(backend->id);
    }
    co_return leftovers;
}

// A backend's memory outlives object-del by a moment, and QEMU aborts when a second one of its name
// comes to the same slot. The resting of slots keeps them apart, except for what left before this
// connection was made: then QEMU is asked.
// False when QEMU fell silent or went away meanwhile.
awaitable<bool> await_unregistered(std::shared_ptr<Vm> vm, std::string backend) {
    while (SteadyClock::now() < vm->unsettled_until()) {
        const std::shared_ptr<qmp::Session> session = vm->session();
        if (!session) co_return false;
        qmp::Command command = qmp::list_ram_blocks();
        const qmp::Answer answer =
            co_await session->call(std::move(command), vm->host().deadlines.query);
        if (answer.kind == qmp::Answer::Kind::timed_out) co_return false;
        if (answer.ok() && !qmp::mentions_backend(answer.get(), backend)) break;
        co_await vm->sleep_until(SteadyClock::now() + ram_block_pause);
    }
    co_return !vm->unavailable();
}

bool slot_was_taken(const Vm& vm, const DeviceSpec& spec) {
    const Bus* bus = find_bus(vm.inventory(), spec.bus);
    return bus && (bus->port ? !bus->occupied.empty() : bus->occupied.contains(spec.slot));
}

// Says what is being attached for as long as it is: a second master must see the first one coming.
class AttachingMark {
  public:
    AttachingMark(Vm& vm, const DeviceSpec& spec) : vm_(vm) { vm_.attaching() = spec; }
    AttachingMark(const AttachingMark&) = delete;
    AttachingMark& operator=(const AttachingMark&) = delete;
    ~AttachingMark() { vm_.attaching().reset(); }

  private:
    Vm& vm_;
};

enum class Try {
    done,
    again,    // the slot was taken meanwhile
    failed,   // and taken back
    unknown,  // QEMU is silent: it may still carry it out
};
struct TryResult {
    Try verdict = Try::done;
    Error error;
};

TryResult failed(Error error) {
    return {Try::failed, std::move(error)};
}

// The monitor went away. A dead QEMU holds nothing; one that is back is asked what it holds.
awaitable<TryResult> settle_loss(std::shared_ptr<Vm> vm, DeviceSpec spec) {
    const Milliseconds patience = vm->host().deadlines.refresh;
    const SteadyClock::time_point until = SteadyClock::now() + patience;
    while (vm->session() && vm->session()->cause() && SteadyClock::now() < until) {
        co_await vm->changed().wait_until(until);  // until the supervisor has seen it too
    }
    co_await wait_connected(vm, patience);
    const bool nothing = vm->session() ? !find_managed(vm->inventory(), spec.name)
                                       : vm->state() == VmState::unreachable;
    co_return TryResult{nothing ? Try::failed : Try::unknown,
                        gone_error(*vm, "the attach of " + spec.name)};
}

// QEMU fell silent: one look, then the answer.
awaitable<TryResult> settle_silence(std::shared_ptr<Vm> vm, DeviceSpec spec, std::string backend) {
    const std::string what = "the attach of " + spec.name;
    if (!co_await refresh(vm, vm->host().deadlines.query)) {
        co_return TryResult{Try::unknown, silence_error(*vm, what, "unknown")};
    }
    if (find_managed(vm->inventory(), spec.name)) co_return TryResult{};
    co_await delete_backend(vm, backend, spec.name);
    co_return failed(silence_error(*vm, what, "undone"));
}

// One run of the plan, taken back when it fails.
awaitable<TryResult> try_once(std::shared_ptr<Vm> vm, Decision decision) {
    const DeviceSpec& spec = decision.spec;
    const std::string backend = fresh_backend_id(vm->inventory(), spec.name);
    if (!co_await await_unregistered(vm, backend)) {
        const std::optional<Error> unavailable = vm->unavailable();
        co_return failed(unavailable ? *unavailable
                                     : silence_error(*vm, "the attach of " + spec.name, "undone"));
    }
    const Plan plan = plan_attach(spec, backend, decision.region.path);
    std::vector<Command> commands = commands_of(plan);
    const Execution run = co_await execute(vm, std::move(commands), vm->host().deadlines.add);
    if (run.all_done()) {
        vm->add_device(spec, backend, decision.region.path);
        co_return TryResult{};
    }
    if (run.disconnected()) co_return co_await settle_loss(vm, spec);
    const std::size_t refused = run.first_refused();
    if (refused == plan.size()) co_return co_await settle_silence(vm, spec, backend);
    const std::vector<std::string> leftovers =
        co_await roll_back(vm, spec.name, plan, run.outcomes);
    const bool fresh = co_await refresh(vm, vm->host().deadlines.query);
    if (fresh && refused == 1 && slot_was_taken(*vm, spec)) {
        co_return TryResult{
            Try::again, Error(ErrorKind::slot_in_use, "slot " + std::to_string(spec.slot) + " of " +
                                                          spec.bus + " was taken meanwhile")};
    }
    co_return failed(qemu_error(plan[refused].command, run.answers[refused].error, leftovers,
                                vm->capabilities()->version));
}

// Another client may take the slot first: then one more try with a fresh look.
awaitable<TryResult> try_twice(std::shared_ptr<Vm> vm, Decision& decision,
                               const PlacementRequest& wanted) {
    TryResult result = co_await try_once(vm, decision);
    if (result.verdict != Try::again || wanted.slot) co_return result;
    const Result<Placement> other = co_await find_place(vm, wanted);
    if (!other) co_return failed(other.error());
    decision.spec.bus = other->bus;
    decision.spec.slot = other->slot;
    co_return co_await try_once(vm, decision);
}

awaitable<void> remember_region(Host& host, std::string path, RegionIdentity identity) {
    SavedState state = host.store->get();
    std::erase_if(state.regions, [&](const CreatedRegion& each) { return each.path == path; });
    state.regions.push_back({path, identity.device, identity.inode});
    co_await host.store->put(std::move(state));
}

Attached dry(const Vm& vm, const Decision& decision) {
    const std::string backend = fresh_backend_id(vm.inventory(), decision.spec.name);
    Attached attached{vm.announced(decision.spec), true, {}};
    for (const Step& step : plan_attach(decision.spec, backend, decision.region.path)) {
        attached.commands.push_back(qmp::spell(step.command, vm.capabilities()->version));
    }
    return attached;
}

awaitable<Result<Attached>> carry_out(std::shared_ptr<Vm> vm, Decision decision,
                                      PlacementRequest wanted) {
    Result<std::optional<RegionIdentity>> region = co_await prepare_region(vm, decision);
    if (!region) co_return region.error();
    vm->attaching() = decision.spec;  // now with its slot
    vm->publish(EventKind::attaching, decision.spec.name, "");
    const TryResult result = co_await try_twice(vm, decision, wanted);
    if (result.verdict != Try::done) {
        // While QEMU may still map the file, it stays.
        const bool removable = *region && result.verdict != Try::unknown;
        if (removable) RegionFiles::remove(decision.region.path, **region);
        if (*region && !removable) {
            co_await remember_region(vm->host(), decision.region.path, **region);
        }
        co_return result.error;
    }
    if (*region) co_await remember_region(vm->host(), decision.region.path, **region);
    vm->publish(EventKind::attached, decision.spec.name,
                std::string(qom_type(decision.spec.model)));
    spawn(vm->host().executor, "verify " + decision.spec.name, verify(vm, decision.spec));
    std::optional<Device> device = vm->device(decision.spec.name);
    if (!device) co_return gone_error(*vm, "the attach of " + decision.spec.name);
    co_return Attached{std::move(*device), true, {}};
}

Error not_handled(Model model) {
    const std::string reason = std::string(qom_type(model)) + " is not handled by this version";
    return Error(ErrorKind::config_unsupported, "configuration unsupported: " + reason,
                 {{"reason", reason}});
}

}  // namespace

awaitable<Result<Attached>> attach(std::shared_ptr<Vm> vm, DeviceRequest request, bool dry_run) {
    const Gate::Pass pass = co_await vm->gate().enter();
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    const Result<void> state = check_run_state(*vm, request.role.value_or(Role::peer));
    if (!state) co_return state.error();
    const Result<Model> model = resolve_model(request, *vm->capabilities());
    if (!model) co_return model.error();
    if (*model != Model::plain) co_return not_handled(*model);
    if (vm->doubtful() && !co_await refresh(vm, vm->host().deadlines.query)) {
        co_return silence_error(*vm, "the attach of " + request.name, "undone");
    }
    Result<std::optional<Device>> existing = check_existing(*vm, request);
    if (!existing) co_return existing.error();
    if (*existing) co_return Attached{std::move(**existing), false, {}};
    Result<Decision> decision = decide_region(*vm, request, *model);
    if (!decision) co_return decision.error();
    const AttachingMark mark(*vm, decision->spec);
    PlacementRequest wanted{request.bus, request.slot, vm->last_place(request.name),
                            decision->spec.size};
    const Result<Placement> placement = co_await find_place(vm, wanted);
    if (!placement) co_return placement.error();
    decision->spec.bus = placement->bus;
    decision->spec.slot = placement->slot;
    if (dry_run) co_return dry(*vm, *decision);
    co_return co_await carry_out(vm, std::move(*decision), std::move(wanted));
}

}  // namespace ivshmemd
