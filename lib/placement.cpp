#include "lib/placement.h"

#include <algorithm>

#include "lib/names.h"
#include "lib/next_start.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

using Choice = std::variant<Placement, WaitForSlot>;

// QEMU 10 and 11 take the device in this slot for the newcomer's own first function, as long as the
// newcomer has no slot yet.
constexpr int last_slot = 31;

constexpr std::size_t shown_buses = 12;
constexpr std::size_t longest_shown_name = 80;

std::chrono::milliseconds rest_left(const Placement& place,
                                    const std::vector<VacatedSlot>& vacated) {
    std::chrono::milliseconds left{0};
    for (const VacatedSlot& each : vacated) {
        if (each.place == place && each.age < slot_rest)
            left = std::max(left, slot_rest - each.age);
    }
    return left;
}

bool fits(const Bus& bus, std::uint64_t size) {
    return !bus.room || size <= *bus.room;
}

const Bus* find(const std::vector<Bus>& buses, const std::string& name) {
    const auto found =
        std::find_if(buses.begin(), buses.end(), [&](const Bus& bus) { return bus.name == name; });
    return found == buses.end() ? nullptr : &*found;
}

// "start the VM with ..." and a line for each way.
std::string next_start(const std::vector<Bus>& buses, std::uint64_t region_size) {
    const std::vector<std::string> arguments = arguments_for_more_slots(buses, region_size);
    std::string text = arguments.size() == 1 ? "start the VM with" : "start the VM with one of";
    for (const std::string& each : arguments) text += "\n" + each;
    const std::string caution = caution_about_room(region_size);
    return caution.empty() ? text : text + "\n(" + caution + ")";
}

Error no_room(const Bus& bus, std::uint64_t size, const std::vector<Bus>& buses) {
    const std::string window = *bus.room == 0 ? " (its window is closed); "
                                              : " (its window takes " + format_size(*bus.room) +
                                                    "); use a smaller region, or ";
    const std::string message =
        "the guest has no room for " + format_size(size) + " on " + bus.name + window;
    const std::string room = arguments_for_room(bus, size);
    // What a root has no room for, nothing behind it has.
    if (bus.kind == BusKind::root) {
        return Error(ErrorKind::no_free_slot, message + "start the VM with " + room);
    }
    const std::string port = room.empty() ? "" : "start the VM with " + room + ", or ";
    return Error(ErrorKind::no_free_slot, message + port + next_start(buses, size));
}

Error unusable(const Bus& bus, const std::vector<Bus>& buses) {
    return Error(ErrorKind::no_free_slot, "nothing can be plugged into " + bus.name + ": " +
                                              unusable_reason(bus) + "; choose another bus, or " +
                                              next_start(buses, 0));
}

Error no_free_slot(const PlacementRequest& request, const std::vector<Bus>& buses) {
    for (const Bus& bus : buses) {
        const bool wanted = !request.bus || *request.bus == bus.name;
        if (wanted && !usable_slots(bus).empty() && !fits(bus, request.size)) {
            return no_room(bus, request.size, buses);
        }
    }
    const Bus* named = request.bus ? find(buses, *request.bus) : nullptr;
    if (named && usable_slots(*named).empty()) return unusable(*named, buses);
    std::string message =
        "no hotpluggable PCI slot is free; detach a device, or " + next_start(buses, 0);
    return Error(ErrorKind::no_free_slot, std::move(message));
}

// What a bus is chosen by: the lower the sooner.
int rank_of(const Bus& bus) {
    if (bus.unplug == Unplug::never) return 4;  // nothing leaves it
    if (bus.kind == BusKind::root) return 0;
    if (bus.kind == BusKind::port) return 2;
    // A bridge's own controller has no slot 0, and few guests drive it.
    return bus.first_slot == 0 ? 1 : 3;
}

// Candidates in order of preference.
std::vector<Placement> candidates(const PlacementRequest& request, const std::vector<Bus>& buses) {
    struct Candidate {
        Placement place;
        bool last_resort = false;
        int rank = 0;
    };
    std::vector<Candidate> all;
    for (auto bus = buses.rbegin(); bus != buses.rend(); ++bus) {
        if ((request.bus && *request.bus != bus->name) || !fits(*bus, request.size)) continue;
        const std::vector<int> slots = usable_slots(*bus);
        for (auto slot = slots.rbegin(); slot != slots.rend(); ++slot) {
            if (request.slot && *request.slot != *slot) continue;
            all.push_back({{bus->name, *slot}, *slot == last_slot, rank_of(*bus)});
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
        return std::pair(a.last_resort, a.rank) < std::pair(b.last_resort, b.rank);
    });
    if (request.last) {
        std::stable_partition(all.begin(), all.end(),
                              [&](const Candidate& each) { return each.place == *request.last; });
    }
    std::vector<Placement> places;
    for (Candidate& each : all) places.push_back(std::move(each.place));
    return places;
}

// The names of the buses, as many as one cares to read.
std::string names_of(const std::vector<Bus>& buses) {
    std::string names;
    std::size_t count = 0;
    for (const Bus& bus : buses) {
        if (count == shown_buses) {
            return names + " and " + std::to_string(buses.size() - count) + " more";
        }
        names += (count++ == 0 ? "" : ", ") + printable(bus.name, longest_shown_name);
    }
    return names;
}

Error unknown_bus(const std::string& name, const std::vector<Bus>& buses) {
    return Error(ErrorKind::invalid_parameter,
                 "the VM has no bus '" + printable(name, longest_shown_name) + "'; it has " +
                     names_of(buses),
                 {{"parameter", std::string("bus")}});
}

Error no_bus() {
    return Error(ErrorKind::no_free_slot, std::string(no_pci_bus) + "; " + use_pci_machine);
}

Result<void> check_explicit(const PlacementRequest& request, const std::vector<Bus>& buses) {
    if (buses.empty()) return no_bus();
    const Bus* named = request.bus ? find(buses, *request.bus) : nullptr;
    if (request.bus && !named) return unknown_bus(*request.bus, buses);
    if (!request.slot) return {};
    if (named && named->kind == BusKind::port && *request.slot != 0) {
        return Error(ErrorKind::no_free_slot,
                     named->name + " is a port, and the guest sees a device in its slot 0 only");
    }
    const bool taken = std::any_of(buses.begin(), buses.end(), [&](const Bus& bus) {
        const bool meant = !named || &bus == named;
        return meant && bus.hotpluggable && bus.occupied.contains(*request.slot);
    });
    if (taken && candidates(request, buses).empty()) {
        return Error(ErrorKind::slot_in_use,
                     "slot " + std::to_string(*request.slot) + " already holds a device");
    }
    return {};
}

}  // namespace

Result<Choice> place(const PlacementRequest& request, const std::vector<Bus>& buses,
                     const std::vector<VacatedSlot>& vacated) {
    const Result<void> choice = check_explicit(request, buses);
    if (!choice) return choice.error();
    const std::vector<Placement> all = candidates(request, buses);
    if (all.empty()) return no_free_slot(request, buses);
    std::optional<std::chrono::milliseconds> shortest;
    for (const Placement& each : all) {
        const std::chrono::milliseconds left = rest_left(each, vacated);
        const bool last_resort = each.slot == last_slot && each != all.front();
        if (last_resort && shortest) break;  // one that rests is better
        if (left.count() == 0) return Choice(each);
        shortest = std::min(shortest.value_or(left), left);
    }
    return Choice(WaitForSlot{*shortest});
}

}  // namespace ivshmemd
