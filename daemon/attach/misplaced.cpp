#include "daemon/attach/misplaced.h"

#include "daemon/vm/executor.h"
#include "daemon/vm/refresh.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

// A port that no guest has switched on gives its device up at once.
constexpr Milliseconds patience{1000};

// Nobody waits for it: should QEMU not have heard, it is asked again in time.
awaitable<void> ask(std::shared_ptr<Vm> vm, std::string path, std::string id) {
    vm->asking(path);
    std::vector<Command> commands;
    commands.push_back(DelDevice{id});
    co_await execute(vm, std::move(commands), vm->host().deadlines.query);
    vm->answered(path);
}

std::vector<std::string> leftovers_of(const DeviceSpec& spec, const Parts& parts) {
    std::vector<std::string> ids{device_id(spec.name)};
    if (!parts.backend_id.empty()) ids.push_back(parts.backend_id);
    if (!parts.chardev_id.empty()) ids.push_back(parts.chardev_id);
    return ids;
}

}  // namespace

awaitable<Attempt> take_back_misplaced(std::shared_ptr<Vm> vm, DeviceSpec spec, Parts parts,
                                       std::string landed) {
    vm->add_device(spec, parts);
    const std::string path = vm->announced(spec).qom_path;
    co_await refresh(vm, vm->host().deadlines.query);
    vm->want_gone(path, false);
    if (!vm->hold_back(path)) co_await ask(vm, path, device_id(spec.name));
    const SteadyClock::time_point until = SteadyClock::now() + patience;
    while (vm->departures().find(path) && SteadyClock::now() < until && !vm->unavailable()) {
        co_await vm->changed().wait_until(until);
    }
    const bool gone = !find_by_path(vm->inventory(), path);
    const qmp::ErrorReply reply{
        {},
        "GenericError",
        "the device has come to bus " + landed + " instead of " + parts.bus_path};
    Error error = qemu_error(AddDevice{device_id(spec.name), parts, spec}, reply,
                             gone ? std::vector<std::string>() : leftovers_of(spec, parts),
                             vm->capabilities()->version);
    co_return Attempt{gone ? Attempt::Verdict::failed : Attempt::Verdict::unknown,
                      std::move(error)};
}

}  // namespace ivshmemd
