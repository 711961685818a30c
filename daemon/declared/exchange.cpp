#include "daemon/declared/exchange.h"

#include "daemon/vm/vm.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "daemon/attach/decision.h"
#include "daemon/state/regions.h"
#include "lib/placement.h"
#include "lib/resolve.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

// Between two looks at VMs that are being met.
constexpr Milliseconds meeting_pause{20};

// Who keeps the region of `device` from being made anew, in words; empty when nobody does.
std::string other_user(const Vm& vm, const RegionIdentity& region, const std::string& device) {
    RegionUsers::Answer users = vm.host().region_users.ask(region);
    std::erase(users.mapped, vm.name() + "/" + device);
    return users.nobody() ? "" : users.in_words();
}

// The file of a region grows by taking the place of the old one.
bool has_room(const std::string& path, std::uint64_t old_size, std::uint64_t new_size) {
    std::error_code error;
    const auto space = std::filesystem::space(path, error);
    return !error && space.available + old_size >= new_size;
}

Error region_stays(ErrorKind kind, const std::string& path, std::uint64_t size,
                   std::uint64_t wanted, const std::string& why) {
    return Error(kind, path + " has " + format_size(size) + ", not the declared " +
                           format_size(wanted) + ", and cannot be made anew: " + why +
                           ", then reload the configuration; or declare " + format_size(size));
}

// Whether the region has to be made anew, or why that cannot be.
Result<Exchange> plan_region(Vm& vm, const DeviceRequest& wanted, const Device& present) {
    const std::string region = wanted.region.value_or(wanted.name);
    if (wanted.server || !wanted.size || present.spec.region != region) return Exchange{};
    const std::string path = vm.host().regions.path_of(region);
    const RegionFacts facts = RegionFiles::inspect(path);
    const std::uint64_t size = *wanted.size;
    if (!facts.exists || !S_ISREG(facts.mode) || facts.size == size) return Exchange{};
    const std::optional<RegionIdentity> made = created_region(*vm.host().store, path);
    if (!made || RegionFiles::identity(path) != made) {
        return region_stays(ErrorKind::region_mismatch, path, facts.size, size,
                            "it was not made by ivshmemd; detach the device, remove that file");
    }
    const std::string user = other_user(vm, *made, wanted.name);
    if (!user.empty()) {
        return region_stays(ErrorKind::region_mismatch, path, facts.size, size, user);
    }
    if (!has_room(path, facts.size, size)) {
        return region_stays(ErrorKind::region_unavailable, path, facts.size, size,
                            "there is no space for it; make some");
    }
    return Exchange{true};
}

// As it will be once the device has left its slot.
Result<void> check_place(const Vm& vm, const DeviceRequest& wanted, const DeviceSpec& present,
                         std::uint64_t size) {
    std::vector<Bus> buses = vm.inventory().buses;
    for (Bus& bus : buses) {
        if (bus.name == present.bus) bus.occupied.erase(present.slot);
    }
    const Placement last{present.bus, present.slot};
    const auto choice = place({wanted.bus, wanted.slot, last, size}, buses, vm.vacated());
    if (!choice) return choice.error();
    return {};
}

}  // namespace

Result<Exchange> check_exchange(Vm& vm, const DeviceRequest& wanted, const Device& present) {
    const Result<Model> model = resolve_model(wanted, *vm.capabilities());
    if (!model) return model.error();
    const Result<Exchange> exchange = plan_region(vm, wanted, present);
    if (!exchange) return exchange.error();
    DeviceRequest request = wanted;
    if (exchange->remake_region) {
        const Result<void> sound = check_size(*wanted.size, vm.host().config.region_size_limit);
        if (!sound) return sound.error();
        request.size.reset();  // all else about its file stays as it is
    }
    const Result<Decision> decision = decide_memory(vm, request, *model);
    if (!decision) return decision.error();
    const std::uint64_t size = wanted.size.value_or(decision->spec.size);
    const Result<void> placed = check_place(vm, wanted, present.spec, size);
    if (!placed) return placed.error();
    return *exchange;
}

awaitable<void> await_all_met(std::shared_ptr<Vm> vm) {
    const Deadlines& deadlines = vm->host().deadlines;
    const SteadyClock::time_point give_up =
        SteadyClock::now() + deadlines.greeting + deadlines.query;
    while (!vm->stopping() && SteadyClock::now() < give_up) {
        const auto& all = vm->host().vms;
        const bool met = std::none_of(all.begin(), all.end(), [](const auto& each) {
            return each.second->state() == VmState::connecting;
        });
        if (met) break;
        co_await vm->sleep_until(SteadyClock::now() + meeting_pause);
    }
}

}  // namespace ivshmemd
