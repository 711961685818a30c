#include "daemon/attach/idle_guest.h"

#include "daemon/vm/process_threads.h"
#include "daemon/vm/refresh.h"
#include "lib/idle_guest.h"

namespace ivshmemd {
namespace {

// Longer than QEMU's processors wait for its lock, shorter than an idle guest sleeps.
constexpr Milliseconds rest{5};

Error unsupported(const Vm& vm, const std::string& reason, const std::string& what,
                  const std::string& advice) {
    return Error(ErrorKind::config_unsupported,
                 "the QEMU " + to_string(vm.capabilities()->version) + " of VM " + vm.name() +
                     " runs without KVM, and would stand still with a new device until each "
                     "processor of its guest has been idle: " +
                     what + "; " + advice + ", or use QEMU 7.2 or later",
                 {{"reason", reason}});
}

Error not_told(const Vm& vm) {
    const bool known = vm.identity().pid.has_value();
    const std::string why = known ? "/proc does not tell of its threads"
                                  : "its command line does not name this monitor, so that its "
                                    "process is not known";
    return unsupported(vm, "unknown threads", why, "let ivshmemd see them");
}

}  // namespace

awaitable<Result<void>> await_idle_guest(std::shared_ptr<Vm> vm, Milliseconds patience) {
    if (const auto gone = vm->unavailable()) co_return *gone;
    if (!adds_to_idle_guests_only(*vm->capabilities())) co_return Result<void>();
    const SteadyClock::time_point give_up = SteadyClock::now() + patience;
    const pid_t pid = vm->identity().pid.value_or(-1);
    std::optional<Threads> threads = threads_of(pid);
    if (!threads) co_return not_told(*vm);
    RestWatch watch(*threads, pid);  // the first thread is the one that would wait
    while (!watch.restless().empty() && SteadyClock::now() < give_up) {
        co_await vm->sleep_until(SteadyClock::now() + rest);
        if (const auto gone = vm->unavailable()) co_return *gone;
        threads = threads_of(pid);
        if (!threads) co_return not_told(*vm);
        watch.look(*threads);
    }
    if (watch.restless().empty()) co_return Result<void>();
    const std::string count = std::to_string(watch.restless().size());
    co_return unsupported(*vm, "busy guest", count + " of its threads did not rest",
                          "try again when the guest has less to do");
}

}  // namespace ivshmemd
