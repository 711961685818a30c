#include "daemon/migration/replug.h"

#include <algorithm>
#include <iterator>

#include "daemon/attach/attach.h"
#include "daemon/migration/plug_back.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/migration_watch.h"
#include "lib/resolve.h"

namespace ivshmemd {
namespace {

bool is_arriving(const Vm& vm) {
    return vm.run_state() == "inmigrate";
}

// QEMU lets the guest run a moment before it says that the migration is over.
awaitable<Result<void>> await_running(std::shared_ptr<Vm> vm) {
    const SteadyClock::time_point give_up = SteadyClock::now() + vm->host().deadlines.incoming;
    const bool arriving = is_arriving(*vm);
    // One that is busy taking its state in may be silent for a while.
    while (vm->state() != VmState::unreachable && SteadyClock::now() < give_up &&
           (is_arriving(*vm) || (arriving && is_migrating(*vm)))) {
        co_await vm->changed().wait_until(give_up);
    }
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    if (!is_arriving(*vm)) co_return Result<void>();
    co_return Error(ErrorKind::timed_out,
                    "VM " + vm->name() +
                        " still waits for its migration, and takes peers once it runs; try again "
                        "then",
                    {{"outcome", std::string("undone")}});
}

Result<void> check_models(const Vm& vm, const std::vector<DeviceSpec>& specs) {
    for (const DeviceSpec& spec : specs) {
        const Result<Model> model = resolve_model(request_again(spec), *vm.capabilities());
        if (model) continue;
        Error error = model.error();
        error.message = spec.name + " cannot be plugged in: " + error.message;
        return error;
    }
    return {};
}

// The masters among them, or the others, in their order.
std::vector<DeviceSpec> select(const std::vector<DeviceSpec>& specs, bool masters) {
    std::vector<DeviceSpec> selected;
    std::copy_if(specs.begin(), specs.end(), std::back_inserter(selected),
                 [&](const DeviceSpec& spec) { return (spec.role == Role::master) == masters; });
    return selected;
}

struct Plugged {
    std::vector<Device> devices;
    std::optional<Error> failure;
};

std::string names_of(const std::vector<Device>& devices) {
    std::string text;
    for (const Device& device : devices) text += (text.empty() ? "" : ", ") + device.spec.name;
    return text;
}

Error with_those_before(Error error, const Plugged& plugged) {
    if (plugged.devices.empty()) return error;
    error.message += "; plugged in before it: " + names_of(plugged.devices);
    return error;
}

// The content that comes finds its memory by slot and backend id: there or nowhere.
Result<void> check_backend_is_free(const Vm& vm, const DeviceSpec& spec) {
    if (spec.backend.empty() || !find_backend(vm.inventory(), spec.backend)) return {};
    if (find_managed(vm.inventory(), spec.name)) return {};  // perhaps by an earlier call
    return Error(ErrorKind::device_exists,
                 "QEMU has a memory backend " + spec.backend +
                     " already, and content finds its memory by that id; start the waiting QEMU "
                     "without it");
}

awaitable<Result<Device>> plug_in_there(std::shared_ptr<Vm> vm, DeviceSpec spec) {
    const Result<void> free = check_backend_is_free(*vm, spec);
    if (!free) co_return free.error();
    DeviceRequest request = request_again(spec);
    request.bus = spec.bus;
    request.slot = spec.slot;
    const Result<Attached> attached = co_await attach(vm, std::move(request), false);
    if (!attached) co_return attached.error();
    co_return attached->device;
}

// Until one fails.
awaitable<void> plug_in_all(std::shared_ptr<Vm> vm, std::vector<DeviceSpec> specs, bool there,
                            Plugged& plugged) {
    for (const DeviceSpec& spec : specs) {
        Result<Device> device = Error();
        if (there) {
            device = co_await plug_in_there(vm, spec);
        } else {
            device = co_await plug_in(vm, spec, Asker::client);
        }
        if (!device) {
            Error error = device.error();
            error.message = spec.name + " cannot be plugged in: " + error.message;
            plugged.failure = with_those_before(std::move(error), plugged);
            co_return;
        }
        plugged.devices.push_back(std::move(*device));
    }
}

// A VM that waits for its migration takes masters now, and only now do they get their content.
awaitable<Result<void>> plug_masters_in(std::shared_ptr<Vm> vm, std::vector<DeviceSpec>& specs,
                                        Plugged& plugged) {
    if (!is_arriving(*vm)) co_return Result<void>();
    std::vector<DeviceSpec> masters = select(specs, true);
    if (masters.empty()) co_return Result<void>();
    if (const auto active = migration_active(*vm)) co_return *active;
    const Result<void> models = check_models(*vm, specs);
    if (!models) co_return models.error();
    co_await plug_in_all(vm, std::move(masters), true, plugged);
    if (plugged.failure) co_return *plugged.failure;
    specs = select(specs, false);
    co_return Result<void>();
}

}  // namespace

awaitable<Result<std::vector<Device>>> replug(std::shared_ptr<Vm> vm,
                                              std::optional<std::vector<DeviceSpec>> devices) {
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    Plugged plugged;
    if (devices) {
        const Result<void> masters = co_await plug_masters_in(vm, *devices, plugged);
        if (!masters) co_return masters.error();
        if (devices->empty() && !plugged.devices.empty()) co_return plugged.devices;
    }
    const Result<void> running = co_await await_running(vm);
    if (!running) co_return with_those_before(running.error(), plugged);
    if (const auto active = migration_active(*vm)) co_return *active;
    const std::optional<MigrationRecord> record =
        record_to_replug(*vm->host().store, vm->key(), vm->run_state());
    if (!devices) devices = record ? record->devices : std::vector<DeviceSpec>();
    const Result<void> models = check_models(*vm, *devices);
    if (!models) co_return models.error();
    co_await plug_in_all(vm, *devices, false, plugged);
    std::set<std::string> names;
    for (const Device& device : plugged.devices) names.insert(device.spec.name);
    if (record) co_await forget_devices(*vm->host().store, record->vm, record->uuid, names);
    if (plugged.failure) co_return *plugged.failure;
    co_return plugged.devices;
}

}  // namespace ivshmemd
