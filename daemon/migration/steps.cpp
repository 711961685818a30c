#include "daemon/migration/steps.h"

#include <algorithm>

#include "daemon/detach/detach.h"
#include "daemon/migration/content.h"
#include "daemon/migration/follow.h"
#include "daemon/migration/plug_back.h"
#include "daemon/state/migrations.h"
#include "daemon/vm/executor.h"
#include "lib/names.h"
#include "proto/qmp/migration.h"

namespace ivshmemd {
namespace {

constexpr const char* return_path = "return-path";

awaitable<bool> set_capability(std::shared_ptr<Vm> vm, std::string name, bool on) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return false;
    qmp::Command command = qmp::set_migration_capability(name, on);
    const qmp::Answer answer =
        co_await session->call(std::move(command), vm->host().deadlines.query);
    co_return answer.ok();
}

// Whether QEMU knows the capability and has it off.
awaitable<bool> is_capability_off(std::shared_ptr<Vm> vm, std::string name) {
    const std::shared_ptr<qmp::Session> session = vm->session();
    if (!session) co_return false;
    qmp::Command command = qmp::query_migration_capabilities();
    const qmp::Answer answer =
        co_await session->call(std::move(command), vm->host().deadlines.query);
    co_return qmp::read_migration_capability(answer.get(), name) == false;
}

Error not_let_go(const Migration& migration, const std::string& device, bool comes_back) {
    return Error(ErrorKind::timed_out,
                 "the guest of VM " + migration.vm->name() + " did not let " + device +
                     " go in time; " +
                     (is_hold(migration.record) ? "the VM is not held, and devices"
                                                : "nothing was migrated, and peers") +
                     " that were taken out are back" +
                     (comes_back ? ", as " + device + " will be once the guest lets it go" : ""),
                 {{"outcome", std::string("undone")}});
}

// Those that a client is already taking out. They are waited for and do not come back.
std::vector<std::string> leaving_peers(const Migration& migration) {
    std::vector<std::string> names;
    for (const Device& device : migration.vm->devices()) {
        const bool known =
            std::any_of(migration.record.devices.begin(), migration.record.devices.end(),
                        [&](const DeviceSpec& spec) { return spec.name == device.spec.name; });
        const bool leaves = blocks_migration(device) || migration.masters;
        if (known || device.origin != Origin::managed || !leaves) continue;
        if (device.state == DeviceState::detaching) names.push_back(device.spec.name);
    }
    return names;
}

Error qemu_failed(const std::string& message, const std::string& description) {
    return Error(ErrorKind::qemu_error, message,
                 {{"command", std::string("migrate")},
                  {"class", std::string("GenericError")},
                  {"description", description},
                  {"leftovers", std::vector<std::string>()}});
}

Error came_to_nothing(const Vm& vm, const std::string& why) {
    return qemu_failed(
        "VM " + vm.name() + " was not migrated and stays where it is: " + printable(why), why);
}

Error arrived_without(const Migration& migration, const std::string& left) {
    const std::string text = "it arrived without the content of its masters; " + left;
    tell(migration, text);
    return qemu_failed("VM " + migration.vm->name() + " went to " + migration.record.uri +
                           ", but " + text +
                           "; to go back, end the destination and resume this VM with the QMP "
                           "command cont",
                       text);
}

Error lost_sight(const Migration& migration, const std::string& why) {
    return Error(ErrorKind::vm_unavailable,
                 "VM " + migration.vm->name() + " was migrating to " + migration.record.uri + ": " +
                     why +
                     "; if it runs at its destination, plug its peers in there with "
                     "'ivshmemctl replug'; if it comes back here, they are plugged back",
                 {{"state", std::string("unreachable")}});
}

}  // namespace

MigrationMark::MigrationMark(std::shared_ptr<Vm> vm) : vm_(std::move(vm)) {
    vm_->migration().claim();
}

MigrationMark::~MigrationMark() {
    vm_->migration().release();
    vm_->changed().notify_all();
}

void tell(const Migration& migration, const std::string& text) {
    migration.vm->publish(EventKind::migration, std::nullopt, text);
}

awaitable<void> enter_phase(Migration& migration, MigrationPhase phase) {
    migration.record.phase = phase;
    co_await put_record(*migration.vm->host().store, migration.record);
}

awaitable<std::string> undo(Migration& migration) {
    const std::shared_ptr<Vm>& vm = migration.vm;
    if (migration.record.return_path) {
        co_await set_capability(vm, return_path, false);
        migration.record.return_path = false;
    }
    co_await enter_phase(migration, MigrationPhase::replugging);
    const std::vector<std::string> problems = co_await plug_back(vm, migration.progress);
    const std::set<std::string> none;
    co_await forget_devices(*vm->host().store, vm->name(), vm->uuid(), none);
    keep_plugging_back(vm);
    std::string text;
    for (const std::string& problem : problems) text += "; not plugged back: " + problem;
    if (!problems.empty()) {
        text += "; 'ivshmemctl replug " + vm->name() + "' tries again";
    }
    co_return text;
}

// Asks for one peer after the other: the first that stays spares the others the way back.
awaitable<Result<void>> take_peers_out(Migration& migration, Milliseconds timeout) {
    const SteadyClock::time_point deadline = SteadyClock::now() + timeout;
    std::vector<std::string> names = leaving_peers(migration);
    const std::size_t foregone = names.size();
    for (const DeviceSpec& spec : migration.record.devices) names.push_back(spec.name);
    for (std::size_t i = 0; i < names.size(); ++i) {
        MigrationStep step{"detaching", "", i, names.size()};
        const DetachProgress progress = [&](const std::string&, const std::string& text) {
            step.text = text;
            migration.progress(step);
        };
        DetachRequest request;
        request.name = names[i];
        request.for_migration = true;
        request.timeout = std::chrono::duration_cast<Milliseconds>(
            std::max(deadline - SteadyClock::now(), SteadyClock::duration::zero()));
        const Result<Detached> result = co_await detach(migration.vm, std::move(request), progress);
        if (!result && result.error().kind == ErrorKind::no_such_device) continue;
        if (!result) co_return result.error();
        if (*result == Detached::pending) {
            co_return not_let_go(migration, names[i], i >= foregone);
        }
    }
    co_return Result<void>();
}

// With a return path QEMU counts itself done only when the destination has loaded everything:
// without, a VM whose destination ends at that moment is lost.
awaitable<Result<void>> start_migration(Migration& migration) {
    const std::shared_ptr<Vm>& vm = migration.vm;
    migration.record.return_path = co_await is_capability_off(vm, return_path);
    co_await enter_phase(migration, MigrationPhase::migrating);
    if (migration.record.return_path) co_await set_capability(vm, return_path, true);
    const Result<void> whole = co_await check_content(vm);
    if (!whole) co_return whole.error();
    // QEMU opens the channel itself.
    const std::optional<Error> leaving = doorbell_leaving(*vm);
    if (leaving) co_return *leaving;
    qmp::Command command = qmp::migrate(migration.record.uri);
    const qmp::Answer answer = co_await start_with_content(migration, std::move(command));
    if (answer.kind == qmp::Answer::Kind::not_sent) co_return busy_error(*vm, "the migration");
    if (answer.kind != qmp::Answer::Kind::refused) co_return Result<void>();
    co_return Error(ErrorKind::qemu_error,
                    "QEMU refused to migrate VM " + vm->name() + ": " + answer.error.error_class +
                        ": " + printable(answer.error.description, 1000),
                    {{"command", std::string("migrate")},
                     {"class", answer.error.error_class},
                     {"description", answer.error.description},
                     {"leftovers", std::vector<std::string>()}});
}

// From QEMU's start on: to the destination, or back.
awaitable<Result<Migrated>> see_through(Migration& migration) {
    const std::shared_ptr<Vm>& vm = migration.vm;
    const MigrationEnd end =
        co_await follow_migration(vm, migration.record.destination, migration.progress);
    switch (end.kind) {
        case MigrationEnd::Kind::completed:
            break;
        case MigrationEnd::Kind::lost:
            co_return lost_sight(migration, end.why);
        case MigrationEnd::Kind::stayed: {
            tell(migration, "the VM stays: " + printable(end.why));
            const std::string left = migration.left_behind.value_or("");
            Error error = came_to_nothing(*vm, left.empty() ? end.why : end.why + "; " + left);
            error.message += co_await undo(migration);
            co_return error;
        }
    }
    migration.progress({"arriving", "waiting for the destination to run", {}, {}});
    co_await await_arrival(vm, migration.record.destination);
    co_await enter_phase(migration, MigrationPhase::completed);
    Migrated migrated{migration.record.devices};
    const std::set<std::string> none;
    co_await forget_devices(*vm->host().store, migration.record.vm, migration.record.uuid, none);
    const std::string left = co_await find_left_behind(migration);
    if (!left.empty()) co_return arrived_without(migration, left);
    tell(migration, "the VM is at its destination " + migration.record.uri);
    co_return migrated;
}

}  // namespace ivshmemd
