#include "proto/qmp/bus_room.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

// The window firmware gives a bridge that reserves nothing.
constexpr std::uint64_t default_window = std::uint64_t{2} << 20;

// An ivshmem device's registers and interrupt table, which share the window below 4 GiB with it.
constexpr std::uint64_t registers = 0x2000;

bool is_open(AddressRange window) {
    return window.first <= window.last;
}

// A window, and what is taken of it.
class Window {
  public:
    Window(AddressRange range, std::vector<AddressRange> taken)
        : range_(range), taken_(std::move(taken)) {}

    bool take(std::uint64_t size) {
        if (!is_open(range_)) return false;
        const auto place = lowest_free_block(range_, taken_, size);
        if (place) taken_.push_back(*place);
        return place.has_value();
    }
    std::uint64_t room() const { return is_open(range_) ? largest_free_block(range_, taken_) : 0; }

  private:
    AddressRange range_;
    std::vector<AddressRange> taken_;
};

// Room for one more beside those that wait, which a guest places as it likes: the largest first is
// what leaves most.
std::uint64_t room_in(Window prefetchable, Window low, std::vector<std::uint64_t> waiting) {
    std::sort(waiting.rbegin(), waiting.rend());
    for (const std::uint64_t size : waiting) {
        low.take(registers);
        if (!prefetchable.take(size)) low.take(size);
    }
    low.take(registers);
    return std::max(prefetchable.room(), low.room());
}

}  // namespace

std::optional<int> BusRoom::number_of(const FoundBus& bus, int depth) {
    if (!is_behind_device(memo_, bus)) {
        return bus.type.starts_with("pxb-") ? std::nullopt : std::optional(0);
    }
    const PciFunction* bridge = function_of(bus, depth + 1);
    if (!bridge || bridge->secondary == 0) return std::nullopt;
    return bridge->secondary;
}

const PciFunction* BusRoom::function_of(const FoundBus& bus, int depth) {
    if (depth > deepest_nesting || !is_behind_device(memo_, bus)) return nullptr;
    const std::string id = id_of(bus.owner);
    std::optional<int> number;
    std::optional<int> devfn;
    if (id.empty()) {
        const FoundBus* parent = parent_of(memo_, found_, bus);
        if (parent) number = number_of(*parent, depth);
        devfn = read_devfn(memo_.lasting(bus.owner, "addr"));
        if (!number || !devfn) return nullptr;
    }
    const auto found = std::find_if(functions_.begin(), functions_.end(), [&](const auto& each) {
        if (!id.empty()) return each.qdev_id == id;
        return each.bus == *number && each.slot * 8 + each.function == *devfn;
    });
    return found == functions_.end() ? nullptr : &*found;
}

std::vector<std::uint64_t> BusRoom::waiting_on(const FoundBus& bus) const {
    std::vector<std::uint64_t> sizes;
    for (const Waiting& each : waiting_) {
        if (each.bus == bus.path && each.size > 0) sizes.push_back(each.size);
    }
    return sizes;
}

std::vector<AddressRange> BusRoom::taken_on(int first_bus, int last_bus) const {
    std::vector<AddressRange> taken;
    for (const PciFunction& each : functions_) {
        if (each.bus < first_bus || each.bus > last_bus) continue;
        taken.insert(taken.end(), each.bars.begin(), each.bars.end());
        for (const AddressRange window : {each.prefetch_window, each.memory_window}) {
            if (each.bridge && is_open(window)) taken.push_back(window);
        }
    }
    return taken;
}

std::uint64_t BusRoom::behind(const PciFunction& bridge, const FoundBus& bus) {
    const std::vector<AddressRange> taken = taken_on(bridge.secondary, bridge.subordinate);
    return room_in(Window(bridge.prefetch_window, taken), Window(bridge.memory_window, taken),
                   waiting_on(bus));
}

std::uint64_t BusRoom::reserved_for(const FoundBus& bus) {
    const QomMemo::Listing& owner = owner_listing(memo_, bus);
    if (owner.has("pref64-reserve")) {
        const auto reserve = as_uint(memo_.lasting(bus.owner, "pref64-reserve"));
        if (reserve && *reserve != UINT64_MAX) return *reserve;
    }
    // Firmware leaves the windows of a bridge without a hotplug controller closed.
    const bool closed =
        !cold_ && owner.has("shpc") && !as_bool(memo_.lasting(bus.owner, "shpc")).value_or(true);
    return closed ? 0 : default_window;
}

// Firmware makes the windows above wide enough for those below.
std::uint64_t BusRoom::before_firmware(const FoundBus& bus) {
    const std::uint64_t window = reserved_for(bus);
    if (window == 0) return 0;
    return room_in(Window({0, window - 1}, {}), Window({1, 0}, {}), waiting_on(bus));
}

// The holes between the machine's memory and what it maps itself. Without them nobody can tell.
std::optional<std::uint64_t> BusRoom::of_root(const FoundBus& bus) {
    const QomMemo::Listing& owner = owner_listing(memo_, bus);
    if (!owner.has("pci-hole64-start") || !owner.has("pci-hole-start")) return std::nullopt;
    const auto ask = [&](const char* property) {
        return as_uint(memo_.lasting(bus.owner, property)).value_or(0);
    };
    const std::vector<AddressRange> taken = taken_on(0, 0);
    const auto hole = [&](std::uint64_t start, std::uint64_t end) {
        return Window(end > start ? AddressRange{start, end - 1} : AddressRange{1, 0}, taken);
    };
    return room_in(hole(ask("pci-hole64-start"), ask("pci-hole64-end")),
                   hole(ask("pci-hole-start"), ask("pci-hole-end")), waiting_on(bus));
}

std::optional<std::uint64_t> BusRoom::of(const FoundBus& bus) {
    if (!is_behind_device(memo_, bus)) return of_root(bus);
    const PciFunction* bridge = function_of(bus);
    // Firmware numbers the buses first and opens the windows later.
    const bool opened = bridge && bridge->secondary != 0 &&
                        (is_open(bridge->prefetch_window) || is_open(bridge->memory_window));
    return opened ? behind(*bridge, bus) : before_firmware(bus);
}

}  // namespace ivshmemd::qmp
