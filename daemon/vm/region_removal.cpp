#include "daemon/vm/region_removal.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "daemon/base/log.h"
#include "daemon/region/unlink.h"
#include "daemon/state/regions.h"
#include "daemon/vm/refresh.h"
#include "lib/region.h"

namespace ivshmemd {
namespace {

constexpr Milliseconds pause_between_tries{50};

// What stands against unlinking.
struct Hindrance {
    std::string why;       // empty: nothing, the region is gone
    bool passing = false;  // it may be over in a moment
};

// Another client's hotplug may have changed what these hold.
awaitable<void> ask_doubtful(std::map<std::string, std::shared_ptr<Vm>> vms) {
    for (const auto& [name, vm] : vms) {
        const bool can_be_asked = !vm->unavailable() && !vm->turn().busy();
        if (vm->holdings().doubtful() && can_be_asked)
            co_await refresh(vm, vm->host().deadlines.query);
    }
}

Hindrance judge(const Unlinking& result, const RegionRemoval& removal) {
    using Kind = Unlinking::Kind;
    const std::string& path = removal.path;
    switch (result.kind) {
        case Kind::joined:
            log_warning({"region ", path,
                         " was opened in the moment it was removed: who did so has memory that "
                         "nobody else can find"},
                        {{"REGION", region_name(path)}});
            return {};
        case Kind::done:
        case Kind::not_there:
            return {};
        case Kind::in_use:
            // QEMU lets go of a backend's file some time after the backend has gone.
            return {
                "a program of this host, or a QEMU that ivshmemd does not look after, has it "
                "open; 'rm " +
                    path + "' once it does not",
                true};
        case Kind::untold:
            break;
    }
    return {std::string("the kernel does not tell whether anybody has it open, or keeps it (") +
                std::strerror(result.error) + "); 'fuser -v " + path + "', as root, tells who does",
            false};
}

bool is_of_its_change(const StateStore& store, const RegionRemoval& removal) {
    if (removal.change == 0) return true;
    const std::vector<CreatedRegion> made = regions_of_change(store, removal.change);
    return std::any_of(made.begin(), made.end(), [&](const CreatedRegion& each) {
        return each.path == removal.path && identity_of(each) == removal.file;
    });
}

awaitable<Hindrance> try_removal(Host& host, RegionRemoval removal) {
    co_await ask_doubtful(host.vms);
    if (!is_of_its_change(*host.store, removal)) {
        co_return Hindrance{"somebody has used it since", false};
    }
    const RegionUsers::Answer users = host.region_users.ask(removal.file, removal.failed_attach);
    if (!users.nobody()) co_return Hindrance{users.in_words(), users.mapped.empty()};
    // From here on an attach waits: it must not find a file that is about to go.
    const RegionUsers::UnlinkingMark mark(host.region_users, removal.file);
    const auto unlink = [path = removal.path, file = removal.file] {
        return unlink_unused(path, file);
    };
    const Unlinking result = co_await host.remover.run(unlink);
    co_return judge(result, removal);
}

}  // namespace

awaitable<std::optional<std::string>> remove_made_region(std::shared_ptr<Vm> vm,
                                                         RegionRemoval removal) {
    const SteadyClock::time_point until = SteadyClock::now() + removal.patience;
    Hindrance hindrance = co_await try_removal(vm->host(), removal);
    while (hindrance.passing && !vm->stopping() && SteadyClock::now() < until) {
        co_await vm->sleep_until(std::min(until, SteadyClock::now() + pause_between_tries));
        hindrance = co_await try_removal(vm->host(), removal);
    }
    if (hindrance.why.empty()) {
        co_await forget_region(*vm->host().store, removal.path, removal.file);
        co_return std::nullopt;
    }
    log_warning({vm->name(), ": keeping region ", removal.path, ": ", hindrance.why},
                {{"VM", vm->name()}, {"REGION", region_name(removal.path)}});
    co_return hindrance.why;
}

awaitable<std::optional<std::string>> remove_region_by_hand(Host& host, RegionRemoval removal) {
    const SteadyClock::time_point until = SteadyClock::now() + removal.patience;
    Hindrance hindrance = co_await try_removal(host, removal);
    while (hindrance.passing && SteadyClock::now() < until) {
        Timer pause(host.executor);
        pause.expires_at(std::min(until, SteadyClock::now() + pause_between_tries));
        co_await pause.async_wait(as_result);
        hindrance = co_await try_removal(host, removal);
    }
    if (!hindrance.why.empty()) co_return hindrance.why;
    co_await forget_region(*host.store, removal.path, removal.file);
    log_info({"removed region ", removal.path}, {{"REGION", region_name(removal.path)}});
    co_return std::nullopt;
}

}  // namespace ivshmemd
