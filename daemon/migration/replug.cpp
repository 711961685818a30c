#include "daemon/migration/replug.h"

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

std::string plugged_in(const std::vector<Device>& devices) {
    std::string text;
    for (const Device& device : devices) text += (text.empty() ? "" : ", ") + device.spec.name;
    return text.empty() ? "" : "; plugged in before it: " + text;
}

}  // namespace

awaitable<Result<std::vector<Device>>> replug(std::shared_ptr<Vm> vm,
                                              std::optional<std::vector<DeviceSpec>> devices) {
    if (const auto unavailable = vm->unavailable()) co_return *unavailable;
    const Result<void> running = co_await await_running(vm);
    if (!running) co_return running.error();
    if (const auto active = migration_active(*vm)) co_return *active;
    const std::optional<MigrationRecord> record =
        record_to_replug(*vm->host().store, vm->key(), vm->run_state());
    if (!devices) devices = record ? record->devices : std::vector<DeviceSpec>();
    const Result<void> models = check_models(*vm, *devices);
    if (!models) co_return models.error();
    std::vector<Device> done;
    std::set<std::string> names;
    std::optional<Error> failure;
    for (const DeviceSpec& spec : *devices) {
        Result<Device> device = co_await plug_in(vm, spec, Asker::client);
        if (!device) {
            failure = device.error();
            failure->message =
                spec.name + " cannot be plugged in: " + failure->message + plugged_in(done);
            break;
        }
        names.insert(spec.name);
        done.push_back(std::move(*device));
    }
    if (record) co_await forget_devices(*vm->host().store, record->vm, record->uuid, names);
    if (failure) co_return *failure;
    co_return done;
}

}  // namespace ivshmemd
