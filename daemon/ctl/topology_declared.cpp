#include "daemon/ctl/topology_declared.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "daemon/ctl/field.h"
#include "daemon/ctl/listed_inventory.h"

namespace ivshmemd::ctl {
namespace {

using State = ComparedDevice::State;

DeviceState listed_state(const json& device) {
    const std::string word = text_field(&device, "state");
    if (word == "detaching") return DeviceState::detaching;
    if (word == "leaked") return DeviceState::leaked;
    return word == "attaching" ? DeviceState::attaching : DeviceState::attached;
}

std::map<std::string, PresentDevices> present_devices(const json& devices) {
    std::map<std::string, PresentDevices> present;
    for (const json& each : list_field(devices, "devices")) {
        Device device;
        device.spec = listed_spec(each);
        device.vm = text_field(&each, "vm");
        device.state = listed_state(each);
        const bool managed = text_field(&each, "origin") == "managed";
        device.origin = managed ? Origin::managed : Origin::foreign;
        present[device.vm].devices.push_back(std::move(device));
    }
    return present;
}

class Comparer {
  public:
    Comparer(const Topology& topology, const json& vms, const json& devices, const json& regions)
        : topology_(topology), devices_(devices) {
        for (const json& each : list_field(vms, "vms")) {
            vm_states_[text_field(&each, "name")] = text_field(&each, "state");
        }
        for (const json& each : list_field(regions, "regions")) {
            modes_[text_field(&each, "name")] = text_field(&each, "mode");
        }
    }

    std::vector<ComparedDevice> compare() {
        const Difference difference =
            ivshmemd::compare(topology_, present_devices(devices_), Undescribed::stay);
        for (const Change& each : difference.changes) add_declared(each);
        for (const json& each : list_field(devices_, "devices")) add_undeclared(each);
        std::stable_sort(compared_.begin(), compared_.end(),
                         [](const auto& a, const auto& b) { return a.vm < b.vm; });
        return std::move(compared_);
    }

  private:
    void add_declared(const Change& change) {
        ComparedDevice device{State::in_place, change.vm, change.device};
        device.wanted = wanted_by(change);
        device.there = listed(change.vm, change.device);
        if (change.action == Action::attach) device.state = State::missing;
        if (change.action == Action::exchange) device.state = State::differs;
        if (device.state == State::differs) device.reason = "it has " + change.reason;
        if (device.state == State::missing && device.there) {
            device.reason = "it is " + text_field(device.there, "state");
        }
        judge_mode(device);
        judge_vm(device);
        compared_.push_back(std::move(device));
    }

    void add_undeclared(const json& listed) {
        ComparedDevice device{State::undeclared, text_field(&listed, "vm"),
                              text_field(&listed, "name")};
        const bool managed = text_field(&listed, "origin") == "managed";
        const bool declared =
            std::any_of(compared_.begin(), compared_.end(),
                        [&](const ComparedDevice& each) { return each.there == &listed; });
        const DeviceState state = listed_state(listed);
        if (declared || state == DeviceState::leaked) return;
        device.there = &listed;
        if (!managed) device.state = State::foreign;
        if (state != DeviceState::attached) device.reason = "it is " + text_field(&listed, "state");
        compared_.push_back(std::move(device));
    }

    void judge_mode(ComparedDevice& device) const {
        const DeviceRequest& request = device.wanted->request;
        const std::string region = request.region.value_or(request.name);
        const auto known = modes_.find(region);
        const std::string& mode = device.wanted->mode;
        const bool is_other = !mode.empty() && known != modes_.end() && known->second != mode;
        if (device.state == State::missing || !is_other) return;
        device.state = State::differs;
        device.reason += (device.reason.empty() ? "" : "; ") + ("region " + region) + " has mode " +
                         known->second;
    }

    void judge_vm(ComparedDevice& device) const {
        const auto known = vm_states_.find(device.vm);
        if (known == vm_states_.end()) {
            device.state = State::missing;
            device.reason = "there is no VM of that name";
        } else if (known->second != "connected") {
            device.state = State::unknown;
            device.reason = "the VM is " + known->second;
        }
    }

    const WantedDevice* wanted_by(const Change& change) const {
        const auto found =
            std::find_if(topology_.begin(), topology_.end(), [&](const WantedDevice& each) {
                return each.vm == change.vm && each.key == change.key;
            });
        return &*found;
    }

    const json* listed(const std::string& vm, const std::string& name) const {
        for (const json& each : list_field(devices_, "devices")) {
            const bool ours = text_field(&each, "origin") == "managed" &&
                              listed_state(each) != DeviceState::leaked;
            const bool same = text_field(&each, "vm") == vm && text_field(&each, "name") == name;
            if (ours && same) return &each;
        }
        return nullptr;
    }

    const Topology& topology_;
    const json& devices_;
    std::map<std::string, std::string> vm_states_;
    std::map<std::string, std::string> modes_;  // of regions
    std::vector<ComparedDevice> compared_;
};

}  // namespace

std::string_view state_word(ComparedDevice::State state) {
    static constexpr std::array<std::string_view, 6> words{"inPlace", "missing",    "differs",
                                                           "unknown", "undeclared", "foreign"};
    return words[static_cast<std::size_t>(state)];
}

std::vector<ComparedDevice> compare_declared(const Topology& topology, const json& vms,
                                             const json& devices, const json& regions) {
    return Comparer(topology, vms, devices, regions).compare();
}

bool is_as_declared(const std::vector<ComparedDevice>& compared, Undescribed undescribed) {
    return std::all_of(compared.begin(), compared.end(), [&](const ComparedDevice& each) {
        const bool stays = each.state == State::undeclared && undescribed == Undescribed::stay;
        return each.state == State::in_place || each.state == State::foreign || stays;
    });
}

json spell_declared(const std::vector<ComparedDevice>& compared) {
    json list = json::array();
    for (const ComparedDevice& each : compared) {
        json object = {{"vm", each.vm}, {"device", each.device}, {"state", state_word(each.state)}};
        if (!each.reason.empty()) object["reason"] = each.reason;
        if (each.wanted) object["key"] = each.wanted->key;
        list.push_back(std::move(object));
    }
    return list;
}

}  // namespace ivshmemd::ctl
