#include "daemon/declared/declared.h"

#include <algorithm>

#include "daemon/attach/attach.h"
#include "daemon/base/log.h"
#include "daemon/declared/exchange.h"
#include "daemon/declared/failure.h"
#include "daemon/detach/detach.h"
#include "daemon/state/declared.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/migration_watch.h"
#include "daemon/vm/refresh.h"
#include "lib/run_state.h"

namespace ivshmemd {
namespace {

// Whether the VM takes devices now; one that migrates, here or away, does when that is over.
bool takes_devices(const Vm& vm) {
    return !is_between_hosts(vm.run_state()) && !vm.unavailable() && !migration_active(vm);
}

// A migration that was interrupted puts it back itself, where it was.
bool comes_back(const Vm& vm, const std::string& device) {
    const std::optional<MigrationRecord> record = migration_record(*vm.host().store, vm.key());
    if (!record || record->phase == MigrationPhase::completed) return false;
    return std::any_of(record->devices.begin(), record->devices.end(),
                       [&](const DeviceSpec& spec) { return spec.name == device; });
}

// It is there: its model is pinned, and whether it came because it is declared is kept in mind.
awaitable<void> note_present(std::shared_ptr<Vm> vm, DeviceSpec spec, bool attached) {
    vm->declared().mend(spec.name);
    const std::string& run = vm->identity().run;
    const std::optional<DeclaredRecord> known =
        declared_record(*vm->host().store, vm->name(), spec.name);
    const bool same = known && known->run == run;
    const DeclaredFate before = same ? known->fate : DeclaredFate::none;
    const DeclaredFate fate = attached ? DeclaredFate::attached : before;
    DeclaredRecord record{vm->name(), spec.name, spec.model, fate, run};
    co_await put_declared(*vm->host().store, std::move(record));
}

awaitable<void> attach_declared(std::shared_ptr<Vm> vm, DeviceRequest declared) {
    const std::string& name = declared.name;
    const std::optional<DeclaredRecord> record =
        declared_record(*vm->host().store, vm->name(), name);
    const DeviceRequest request = request_declared(declared, record ? &*record : nullptr);
    const Result<Attached> attached = co_await attach(vm, request, false);
    if (attached) {
        co_await note_present(vm, attached->device.spec, attached->changed);
        co_return;
    }
    const Error error = attached.error();
    if (is_passing(error)) {
        vm->declared().put(name);
    } else {
        report_failure(*vm, name, in_words(declared, request, error));
    }
}

const DeviceRequest* declaration_of(const Vm& vm, const std::string& device) {
    return find_declaration(vm.host().config.declarations, vm.name(), device);
}

DeclaredStep step_for(const Vm& vm, const std::string& name) {
    const std::optional<DeclaredRecord> record = declared_record(*vm.host().store, vm.name(), name);
    const std::optional<Device> device = vm.device(name);
    return next_step(declaration_of(vm, name), record ? &*record : nullptr,
                     device ? &*device : nullptr, vm.identity().run);
}

awaitable<void> detach_declared(std::shared_ptr<Vm> vm, std::string name, Exchange exchange) {
    DetachRequest request;
    request.name = name;
    request.remove_region = exchange.remake_region;
    const DetachProgress silent = [](const std::string&, const std::string&) {};
    log_info({vm->name(), ": detaching ", name, ", which the configuration no longer declares so"},
             {{"VM", vm->name()}, {"DEVICE", name}});
    const Result<Detached> detached = co_await detach(vm, std::move(request), silent);
    DeclaredState& state = vm->declared();
    state.has_gone(name);
    if (detached && *detached == Detached::pending) {
        report_failure(*vm, name, "it was to be detached, and its guest has not let it go yet");
    } else if (!detached && step_for(*vm, name) == DeclaredStep::detach) {
        state.take(name);  // nobody insists: the next reload tries again
        report_failure(*vm, name, "it was to be detached; " + in_words(detached.error()));
    }
    vm->changed().notify_all();
}

// For one that is as it is to be.
awaitable<void> note_settled(std::shared_ptr<Vm> vm, std::string name, bool declared) {
    const std::optional<Device> device = vm->device(name);
    if (declared && device && device->state == DeviceState::attached) {
        co_await note_present(vm, device->spec, false);
        co_return;
    }
    vm->declared().mend(name);
    if (declared) co_return;
    co_await drop_declared(*vm->host().store, vm->name(), name);
}

// How the device can go: for good, or to come back as declared. Else says why it stays as it is.
std::optional<Exchange> plan_exchange(Vm& vm, const std::string& name) {
    const DeviceRequest* declared = declaration_of(vm, name);
    const std::optional<Device> present = vm.device(name);
    if (!declared || !present) return Exchange{};
    const std::optional<DeclaredRecord> record = declared_record(*vm.host().store, vm.name(), name);
    const DeviceRequest wanted = request_declared(*declared, record ? &*record : nullptr);
    const Result<Exchange> exchange = check_exchange(vm, wanted, *present);
    if (exchange) return *exchange;
    report_failure(vm, name, "it stays as it is: " + in_words(*declared, wanted, exchange.error()));
    return std::nullopt;
}

awaitable<void> begin_exchange(std::shared_ptr<Vm> vm, std::string name) {
    if (declaration_of(*vm, name)) co_await await_all_met(vm);
    // A guest changes its windows, and others take devices out, without an event.
    if (declaration_of(*vm, name)) co_await refresh(vm, vm->host().deadlines.query);
    DeclaredState& state = vm->declared();
    // The wait may have changed that.
    if (step_for(*vm, name) != DeclaredStep::detach || !takes_devices(*vm)) {
        state.put(name);
        co_return;
    }
    const std::optional<Exchange> exchange = plan_exchange(*vm, name);
    if (!exchange) co_return;
    // Its guest may take its time, and holds up no other device by that.
    state.let_go(name);
    state.put(name);
    vm->spawn("declared device " + name, detach_declared(vm, name, *exchange));
}

// False when nothing can be done for this device yet; then it stays to be done.
awaitable<bool> settle(std::shared_ptr<Vm> vm, std::string name) {
    DeclaredState& state = vm->declared();
    state.take(name);  // a reload meanwhile puts it there again
    const DeviceRequest* declared = declaration_of(*vm, name);
    DeclaredStep step = step_for(*vm, name);
    const bool unstarted = step == DeclaredStep::detach && !vm->started();
    if (state.is_leaving(name) || comes_back(*vm, name) || unstarted) {
        step = DeclaredStep::wait;
    }
    switch (step) {
        case DeclaredStep::none:
            co_await note_settled(vm, name, declared != nullptr);
            co_return true;
        case DeclaredStep::attach:
            co_await attach_declared(vm, *declared);
            co_return !state.is_due(name);
        case DeclaredStep::detach:
            co_await begin_exchange(vm, name);
            co_return true;
        case DeclaredStep::wait:
            state.put(name);
            co_return false;
    }
    co_return false;
}

// Those that are declared, in the order of the configuration, and then those that were.
std::vector<std::string> names_to_settle(const Vm& vm) {
    std::vector<std::string> names;
    const Declarations& declarations = vm.host().config.declarations;
    const auto declared = declarations.find(vm.name());
    if (declared != declarations.end()) {
        for (const DeviceRequest& each : declared->second) names.push_back(each.name);
    }
    for (const DeclaredRecord& each : vm.host().store->get().declared) {
        if (each.vm == vm.name() && !declaration_of(vm, each.device)) names.push_back(each.device);
    }
    return names;
}

/// Ends the settling however that ends.
class Settling {
  public:
    explicit Settling(std::shared_ptr<Vm> vm) : vm_(std::move(vm)) {}
    Settling(const Settling&) = delete;
    Settling& operator=(const Settling&) = delete;
    ~Settling() { vm_->declared().end_settling(); }

  private:
    std::shared_ptr<Vm> vm_;
};

awaitable<void> settle_all(std::shared_ptr<Vm> vm) {
    const Settling settling(vm);
    DeclaredState& state = vm->declared();
    while (!vm->stopping() && state.has_due()) {
        bool moved = false;
        const std::uint64_t round = state.round();
        const std::vector<std::string> names = names_to_settle(*vm);
        state.keep_due(names);
        for (const std::string& name : names) {
            if (!state.is_due(name) || !takes_devices(*vm)) continue;
            if (co_await settle(vm, name)) moved = true;
        }
        // What changed while another device was at work woke nobody.
        const bool waits = !moved && state.round() == round && state.has_due();
        if (waits) co_await vm->changed().wait_until(SteadyClock::time_point::max());
    }
}

}  // namespace

void settle_declared(const std::shared_ptr<Vm>& vm) {
    DeclaredState& state = vm->declared();
    state.begin_round(names_to_settle(*vm));
    vm->changed().notify_all();
    if (!state.has_due() || !state.begin_settling()) return;
    vm->spawn("declared devices", settle_all(vm));
}

}  // namespace ivshmemd
