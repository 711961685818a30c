#include "lib/placement.h"

#include <algorithm>

#include "lib/names.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

using Choice = std::variant<Placement, WaitForSlot>;

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

std::string reserve_for(std::uint64_t region_size) {
    return "pref64-reserve=" + format_size(region_size * 2);
}

// A port the VM can be given besides its own. Its id, chassis and slot are those of no port that
// was advised before.
std::string another_port(const std::vector<Bus>& buses, std::uint64_t region_size) {
    int number = 1;
    while (find(buses, "shm" + std::to_string(number))) ++number;
    const std::string address = std::to_string(100 + number);
    std::string port = "-device pcie-root-port,id=shm" + std::to_string(number) +
                       ",chassis=" + address + ",slot=" + address;
    return region_size == 0 ? port : port + "," + reserve_for(region_size);
}

Error no_room(const Bus& bus, std::uint64_t size, const std::vector<Bus>& buses) {
    return Error(ErrorKind::no_free_slot,
                 "the guest has no room for " + format_size(size) + " behind " + bus.name +
                     " (its window takes " + format_size(*bus.room) + "); start the VM with " +
                     another_port(buses, size) + ", or with " + reserve_for(size) +
                     " added to -device pcie-root-port,id=" + bus.name +
                     ", or use a smaller region");
}

// Slots of a conventional bus cannot be added to.
bool takes_ports(const std::vector<Bus>& buses) {
    return std::none_of(buses.begin(), buses.end(),
                        [](const Bus& bus) { return bus.hotpluggable && !bus.port; });
}

Error no_free_slot(const PlacementRequest& request, const std::vector<Bus>& buses) {
    for (const Bus& bus : buses) {
        const bool wanted = !request.bus || *request.bus == bus.name;
        if (wanted && !free_slots(bus).empty() && !fits(bus, request.size)) {
            return no_room(bus, request.size, buses);
        }
    }
    std::string message = "no hotpluggable PCI slot is free";
    if (request.bus) message += " on bus " + *request.bus;
    const std::optional<std::string> port = port_argument(buses, 0);
    message +=
        port ? "; start the VM with another port, such as " + *port : "; detach a device first";
    return Error(ErrorKind::no_free_slot, message);
}

// Candidates in order of preference.
std::vector<Placement> candidates(const PlacementRequest& request, const std::vector<Bus>& buses) {
    std::vector<Placement> all;
    std::vector<Placement> ports;
    for (const Bus& bus : buses) {
        if ((request.bus && *request.bus != bus.name) || !fits(bus, request.size)) continue;
        for (const int slot : free_slots(bus)) {
            if (request.slot && *request.slot != slot) continue;
            (bus.port ? ports : all).push_back({bus.name, slot});
        }
    }
    std::reverse(all.begin(), all.end());
    all.insert(all.end(), ports.rbegin(), ports.rend());
    if (request.last) {
        std::stable_partition(all.begin(), all.end(),
                              [&](const Placement& each) { return each == *request.last; });
    }
    return all;
}

Result<void> check_explicit(const PlacementRequest& request, const std::vector<Bus>& buses) {
    if (!request.bus && !request.slot) return {};
    bool slot_taken = false;
    bool bus_known = false;
    for (const Bus& bus : buses) {
        if (request.bus && bus.name != *request.bus) continue;
        bus_known = true;
        slot_taken = slot_taken ||
                     (bus.hotpluggable && request.slot && bus.occupied.contains(*request.slot));
    }
    if (!bus_known && request.bus) {
        return Error(ErrorKind::invalid_parameter,
                     "the VM has no bus '" + printable(*request.bus) + "'",
                     {{"parameter", std::string("bus")}});
    }
    const Bus* bus = request.bus ? find(buses, *request.bus) : nullptr;
    if (bus && bus->port && request.slot.value_or(0) != 0) {
        return Error(ErrorKind::no_free_slot,
                     bus->name + " is a port, and the guest sees a device in its slot 0 only");
    }
    if (slot_taken && candidates(request, buses).empty()) {
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
        if (left.count() == 0) return Choice(each);
        shortest = std::min(shortest.value_or(left), left);
    }
    return Choice(WaitForSlot{*shortest});
}

std::optional<std::string> port_argument(const std::vector<Bus>& buses, std::uint64_t region_size) {
    if (!takes_ports(buses)) return std::nullopt;
    return another_port(buses, region_size);
}

}  // namespace ivshmemd
