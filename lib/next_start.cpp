#include "lib/next_start.h"

#include <algorithm>
#include <optional>

#include "lib/size.h"

namespace ivshmemd {
namespace {

// Window that firmware gives a bridge behind which nothing can be reserved.
constexpr std::uint64_t bridge_window = std::uint64_t{2} << 20;

// From here on what is reserved for a region moves the windows of all ports.
constexpr std::uint64_t large_region = std::uint64_t{1} << 30;

const Bus* first_root(const std::vector<Bus>& buses) {
    const auto root = std::find_if(buses.begin(), buses.end(),
                                   [](const Bus& bus) { return bus.kind == BusKind::root; });
    return root == buses.end() ? nullptr : &*root;
}

// Its id and number are those of no port or bridge that was advised before.
int unused_number(const std::vector<Bus>& buses) {
    int number = 1;
    const auto taken = [&](const Bus& bus) { return bus.name == "shm" + std::to_string(number); };
    while (std::any_of(buses.begin(), buses.end(), taken)) ++number;
    return number;
}

// Without ACPI a bridge's slots are a matter of its own controller, which few guests drive.
bool ports_are_native(const std::vector<Bus>& buses) {
    const auto is_acpi = [](const Bus& bus) { return bus.unplug == Unplug::acpi; };
    const auto is_native = [](const Bus& bus) {
        return bus.kind == BusKind::port && bus.hotpluggable;
    };
    return std::none_of(buses.begin(), buses.end(), is_acpi) &&
           std::any_of(buses.begin(), buses.end(), is_native);
}

// Firmware may align the window to less than the region, so that half of it is lost.
std::string reserve_for(std::uint64_t region_size) {
    return "pref64-reserve=" + format_size(region_size * 2);
}

std::string port(int number, std::uint64_t region_size) {
    const std::string address = std::to_string(100 + number);
    const std::string argument = "-device pcie-root-port,id=shm" + std::to_string(number) +
                                 ",chassis=" + address + ",slot=" + address;
    return region_size == 0 ? argument : argument + "," + reserve_for(region_size);
}

std::string on(const Bus& root) {
    return root.address.starts_with('/') ? "" : ",bus=" + root.address;
}

std::string express_bridge(int number, const Bus& root) {
    return "-device pcie-pci-bridge,id=shm" + std::to_string(number) + on(root);
}

std::string bridge(int number, std::uint64_t region_size, const Bus& root) {
    const std::string argument = "-device pci-bridge,id=shm" + std::to_string(number) +
                                 ",chassis_nr=" + std::to_string(100 + number) + on(root);
    return region_size == 0 ? argument : argument + "," + reserve_for(region_size);
}

}  // namespace

std::string arguments_for_room(const Bus& bus, std::uint64_t region_size) {
    if (bus.kind == BusKind::root) {
        // Twice the size holds it wherever it begins; as much again is for others.
        return "-global " + bus.device + ".pci-hole64-size=" + format_size(region_size * 4);
    }
    if (!bus.reserves) return "";
    return reserve_for(region_size) + " added to its " + bus.device + " " + bus.name;
}

std::string caution_about_room(std::uint64_t region_size) {
    if (region_size < large_region) return "";
    return "with QEMU 10 and later a guest of little memory may lose the windows of all ports by "
           "that, so try it with a copy of the VM first";
}

std::vector<std::string> arguments_for_more_slots(const std::vector<Bus>& buses,
                                                  std::uint64_t region_size) {
    const Bus* root = first_root(buses);
    if (!root) return {};
    const int number = unused_number(buses);
    if (!root->express) return {bridge(number, region_size, *root)};
    std::vector<std::string> arguments{port(number, region_size)};
    if (region_size <= bridge_window && !ports_are_native(buses)) {
        arguments.push_back(express_bridge(number, *root));
    }
    return arguments;
}

}  // namespace ivshmemd
