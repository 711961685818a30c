#include "daemon/attach/attach.h"

#include "daemon/attach/attempt.h"
#include "daemon/attach/idle_guest.h"
#include "daemon/attach/region.h"
#include "daemon/attach/server.h"
#include "daemon/attach/verify.h"
#include "daemon/state/regions.h"
#include "daemon/vm/executor.h"
#include "daemon/vm/refresh.h"
#include "lib/plan.h"
#include "lib/resolve.h"
#include "proto/qmp/dialect.h"

namespace ivshmemd {
namespace {

// Waits while every slot that would do is resting, but for one that need not. A guest changes its
// windows, and others take devices out, without an event: nothing is refused before a fresh look.
awaitable<Result<Placement>> find_place(std::shared_ptr<Vm> vm, PlacementRequest wanted) {
    bool fresh = false;
    while (true) {
        const auto choice = place(wanted, vm->inventory().buses, vm->vacated());
        if (!choice && fresh) co_return choice.error();
        if (!choice) {
            fresh = co_await refresh(vm, vm->host().deadlines.query);
            if (!fresh) co_return silence_error(*vm, "the attach", "undone");
            continue;
        }
        if (const auto* found = std::get_if<Placement>(&*choice)) co_return *found;
        const auto sooner = place(wanted, vm->inventory().buses, vm->vacated(false));
        const auto* free = sooner ? std::get_if<Placement>(&*sooner) : nullptr;
        if (free && fresh) co_return *free;
        if (free) {
            fresh = co_await refresh(vm, vm->host().deadlines.query);
            if (!fresh) co_return silence_error(*vm, "the attach", "undone");
            continue;
        }
        co_await vm->sleep_until(SteadyClock::now() + std::get<WaitForSlot>(*choice).wait);
        if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    }
}

awaitable<Result<void>> place_device(std::shared_ptr<Vm> vm, Decision& decision,
                                     const PlacementRequest& wanted) {
    const Result<Placement> place = co_await find_place(vm, wanted);
    if (!place) co_return place.error();
    decision.spec.bus = place->bus;
    decision.spec.slot = place->slot;
    co_return Result<void>();
}

// Where a guest cannot be asked there is no way back.
std::string warning_of(const Vm& vm, const DeviceSpec& spec) {
    if (vm.run_state() != "inmigrate") return "";
    return "VM " + vm.name() + " waits for a migration: " + spec.name +
           " cannot be detached before that has come, and ending this QEMU is the only other way "
           "to be rid of it";
}

Attempt failed_attempt(Error error) {
    return {Attempt::Verdict::failed, std::move(error)};
}

// Another client may take the slot first: then one more try with a fresh look.
awaitable<Attempt> attempt_twice(std::shared_ptr<Vm> vm, Decision& decision,
                                 const PlacementRequest& wanted) {
    Attempt attempt = co_await attempt_attach(vm, decision);
    if (attempt.verdict != Attempt::Verdict::again || wanted.slot) co_return attempt;
    const Result<void> placed = co_await place_device(vm, decision, wanted);
    if (!placed) co_return failed_attempt(placed.error());
    co_return co_await attempt_attach(vm, decision);
}

// A device with a server has no region to be made: its memory is the server's.
awaitable<Result<std::optional<RegionIdentity>>> prepare_memory(std::shared_ptr<Vm> vm,
                                                                Decision& decision) {
    if (!decision.spec.server) co_return co_await prepare_region(vm, decision);
    const Result<void> reserved = co_await reserve_server_memory(vm, decision);
    if (!reserved) co_return reserved.error();
    co_return std::optional<RegionIdentity>();
}

awaitable<Result<Attached>> carry_out(std::shared_ptr<Vm> vm, Decision decision,
                                      PlacementRequest wanted, Turn::Coming& coming,
                                      MadeRegion made) {
    Result<std::optional<RegionIdentity>> region = co_await prepare_memory(vm, decision);
    if (!region) co_return region.error();
    if (*region && made) made(decision.region.path, **region);
    coming.update(decision.spec);  // now with its slot
    vm->publish(EventKind::attaching, decision.spec.name, "");
    const Attempt result = co_await attempt_twice(vm, decision, wanted);
    if (result.verdict != Attempt::Verdict::done) {
        // While QEMU may still map the file, it stays.
        Error error = result.error;
        if (*region && result.verdict == Attempt::Verdict::unknown) {
            vm->spawn("region of " + decision.spec.name,
                      take_back_region_later(vm, decision.spec, **region));
        } else if (*region) {
            const std::string kept = co_await take_back_region(vm, decision.spec, **region);
            if (!kept.empty()) {
                error.message += "; region " + decision.region.path + " stays: " + kept;
            }
        }
        co_return error;
    }
    if (*region) {
        vm->spawn("record of " + decision.region.path,
                  region_serves(*vm->host().store, decision.region.path, **region));
    }
    vm->publish(EventKind::attached, decision.spec.name,
                std::string(qom_type(decision.spec.model)));
    vm->spawn("verification of " + decision.spec.name, verify(vm, decision.spec));
    std::optional<Device> device = vm->device(decision.spec.name);
    if (!device) co_return gone_error(*vm, "the attach of " + decision.spec.name);
    Attached attached{std::move(*device), true, {}, warning_of(*vm, decision.spec)};
    co_return attached;
}

struct AttachOptions {
    bool dry_run = false;
    Asker asker = Asker::client;
    std::optional<Placement> last;  // where the device was before
    RegionMaking making;
};

awaitable<Result<Attached>> attach_in_turn(std::shared_ptr<Vm> vm, DeviceRequest request,
                                           AttachOptions options) {
    // The turn is not for waiting; whether there is anything to be added is known in it alone.
    co_await await_idle_guest(vm, vm->host().deadlines.idle_guest);
    const Result<Turn::Pass> pass = co_await take_turn_to_add(vm, options.asker);
    if (!pass) co_return pass.error();
    if (vm->holdings().doubtful() && !co_await refresh(vm, vm->host().deadlines.query)) {
        co_return silence_error(*vm, "the attach of " + request.name, "undone");
    }
    if (!request.server) {
        // Nothing else may be waited for until the mark below says what is coming.
        co_await await_unlinking(vm, request.region.value_or(request.name));
        if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    }
    Result<std::variant<Device, Decision>> decided = decide_attach(*vm, request);
    if (!decided) co_return decided.error();
    if (const Device* equal = std::get_if<Device>(&*decided)) co_return Attached{*equal, false, {}};
    Decision decision = std::move(std::get<Decision>(*decided));
    decision.region.mode = options.making.mode;
    decision.region.change = options.making.change;
    Turn::Coming coming(*vm, decision.spec);
    if (!options.last) options.last = vm->holdings().last_place(request.name);
    PlacementRequest wanted{request.bus, request.slot, options.last, decision.spec.size};
    Result<void> ready = co_await place_device(vm, decision, wanted);
    if (ready && request.server) {
        ready = co_await meet_server(vm, decision);
        wanted.size = decision.spec.size;
        if (ready) ready = co_await place_device(vm, decision, wanted);  // now with its size
    }
    if (!ready) co_return ready.error();
    ready = co_await await_idle_guest(vm, briefly);
    if (!ready) co_return ready.error();
    if (options.dry_run) co_return planned(*vm, decision);
    co_return co_await carry_out(vm, std::move(decision), std::move(wanted), coming,
                                 std::move(options.making.made));
}

}  // namespace

awaitable<Result<Attached>> attach(std::shared_ptr<Vm> vm, DeviceRequest request, bool dry_run) {
    AttachOptions options;
    options.dry_run = dry_run;
    return attach_in_turn(std::move(vm), std::move(request), std::move(options));
}

awaitable<Result<Attached>> attach(std::shared_ptr<Vm> vm, DeviceRequest request,
                                   RegionMaking making) {
    AttachOptions options;
    options.making = std::move(making);
    return attach_in_turn(std::move(vm), std::move(request), std::move(options));
}

Attached planned(const Vm& vm, const Decision& decision) {
    Attached attached{vm.announced(decision.spec), true, {}, warning_of(vm, decision.spec)};
    for (const Step& step : plan_attach(decision.spec, parts_of(vm, decision))) {
        attached.commands.push_back(qmp::spell(step.command, vm.capabilities()->version));
    }
    return attached;
}

awaitable<Result<Attached>> attach_again(std::shared_ptr<Vm> vm, DeviceSpec spec, Asker asker) {
    AttachOptions options;
    options.asker = asker;
    options.last = Placement{spec.bus, spec.slot};
    return attach_in_turn(std::move(vm), request_again(spec), std::move(options));
}

}  // namespace ivshmemd
