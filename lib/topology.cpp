#include "lib/topology.h"

#include <algorithm>
#include <array>
#include <set>

#include "lib/equality.h"

namespace ivshmemd {
namespace {

// What is there of that name, of ours.
const Device* find_present(const PresentDevices& present, const std::string& name) {
    const auto found =
        std::find_if(present.devices.begin(), present.devices.end(), [&](const Device& each) {
            const bool is_device = each.state != DeviceState::leaked;
            return is_device && each.origin == Origin::managed && each.spec.name == name;
        });
    return found == present.devices.end() ? nullptr : &*found;
}

Change change_for(const WantedDevice& wanted, const PresentDevices& present) {
    Change change{Action::attach, wanted.vm, wanted.request.name, "", wanted.key};
    const Device* there = find_present(present, wanted.request.name);
    // What is on its way out is in the way: the check says so.
    if (!there || there->state == DeviceState::detaching) return change;
    change.reason = difference(wanted.request, there->spec);
    change.action = change.reason.empty() ? Action::keep : Action::exchange;
    return change;
}

void plan_change(Change& change, const DeviceRequest& request, VmPlan& plan) {
    if (change.action == Action::keep) return;
    if (change.action == Action::exchange) plan.detach.push_back(change.device);
    change.step = plan.attach.size();
    plan.attach.push_back(request);
}

bool is_to_go(const Device& device, const PresentDevices& present) {
    const bool kept =
        std::find(present.kept.begin(), present.kept.end(), device.spec.name) != present.kept.end();
    const bool leaving = device.state != DeviceState::attached;
    return device.origin == Origin::managed && !kept && !leaving;
}

}  // namespace

std::string_view action_name(Action action) {
    static constexpr std::array<std::string_view, 4> names{"keep", "attach", "exchange", "detach"};
    return names[static_cast<std::size_t>(action)];
}

std::vector<Error> check_topology(const Topology& topology) {
    std::vector<Error> faults;
    std::map<std::pair<std::string, std::string>, std::string> first;
    for (const WantedDevice& each : topology) {
        const std::pair<std::string, std::string> place(each.vm, each.request.name);
        const auto [found, is_new] = first.emplace(place, each.key);
        if (is_new) continue;
        Error fault(ErrorKind::invalid_parameter,
                    "VM " + each.vm + " gets a device " + each.request.name + " here and by " +
                        found->second,
                    {{"parameter", std::string("topology")},
                     {"device", each.request.name},
                     {"key", each.vm_key}});
        fault.vm = each.vm;
        faults.push_back(std::move(fault));
    }
    return faults;
}

void add_keys(std::vector<Error>& faults, const Topology& topology) {
    for (Error& fault : faults) {
        const std::string device = text_detail(fault, "device");
        const auto found =
            std::find_if(topology.begin(), topology.end(), [&](const WantedDevice& each) {
                return each.vm == fault.vm && (device.empty() || each.request.name == device);
            });
        const bool has_key = !text_detail(fault, "key").empty();
        if (found == topology.end() || has_key) continue;
        fault.details.emplace_back("key", device.empty() ? found->vm_key : found->key);
    }
}

Result<void> check_mode(const std::string& mode, const std::string& path, const RegionFacts& file,
                        bool lets_in) {
    if (mode.empty()) return {};
    if (!file.exists) return check_made_mode(path, mode_of_digits(mode), lets_in);
    const std::string there = mode_digits(file.mode & 07777U);
    if (there == mode) return {};
    return Error(ErrorKind::region_mismatch, path + " has mode " + there + ", not the described " +
                                                 mode + "; chmod it, or describe " + there);
}

Difference compare(const Topology& topology, const std::map<std::string, PresentDevices>& present,
                   Undescribed undescribed) {
    static const PresentDevices nothing;
    std::map<std::string, std::vector<const WantedDevice*>> wanted;
    for (const WantedDevice& each : topology) wanted[each.vm].push_back(&each);
    if (undescribed == Undescribed::go) {
        for (const auto& [vm, devices] : present) wanted[vm];
    }
    Difference difference;
    for (const auto& [vm, devices] : wanted) {
        const auto known = present.find(vm);
        const PresentDevices& there = known == present.end() ? nothing : known->second;
        VmPlan plan{vm, {}, {}};
        std::set<std::string> described;
        for (const WantedDevice* each : devices) {
            Change change = change_for(*each, there);
            plan_change(change, each->request, plan);
            described.insert(change.device);
            difference.changes.push_back(std::move(change));
        }
        for (const Device& device : there.devices) {
            if (undescribed == Undescribed::stay || described.contains(device.spec.name)) continue;
            if (!is_to_go(device, there)) continue;
            difference.changes.push_back({Action::detach, vm, device.spec.name});
            plan.detach.push_back(device.spec.name);
        }
        if (!devices.empty() || !plan.detach.empty()) difference.plans.push_back(std::move(plan));
    }
    return difference;
}

}  // namespace ivshmemd
