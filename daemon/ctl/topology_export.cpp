#include "daemon/ctl/topology_export.h"

#include <map>
#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"
#include "lib/region.h"
#include "proto/json.h"

namespace ivshmemd::ctl {
namespace {

class Exporter {
  public:
    explicit Exporter(const json& regions) {
        for (const json& each : list_field(regions, "regions")) {
            const std::string mode = text_field(&each, "mode");
            const bool unusual = !mode.empty() && mode != mode_digits(region_mode);
            if (unusual && flag_field(&each, "createdByUs")) {
                modes_[text_field(&each, "name")] = mode;
            }
        }
    }

    void add(const json& device) {
        json entry = {{"name", text_field(&device, "name")}, {"role", text_field(&device, "role")}};
        add_memory(device, entry);
        for (const char* key : {"readonly", "prealloc"}) {
            if (flag_field(&device, key)) entry[key] = true;
        }
        if (const auto node = as_int(find(device, "numa"))) entry["numa"] = *node;
        // Those that are alike are one device in several VMs.
        vms_[entry.dump()].push_back(text_field(&device, "vm"));
        if (vms_[entry.dump()].size() == 1) entries_.push_back(entry);
    }

    json topology() {
        json topology = json::object();
        for (auto& [name, region] : regions_) topology["region"].push_back(region);
        for (auto& [server, doorbell] : doorbells_) topology["doorbell"].push_back(doorbell);
        for (json& entry : entries_) {
            const json vms(vms_[entry.dump()]);
            entry["vms"] = vms;
            topology["device"].push_back(entry);
        }
        return topology;
    }

  private:
    void add_memory(const json& device, json& entry) {
        const std::string server = text_field(&device, "server");
        if (!server.empty()) {
            entry["doorbell"] = name_of_doorbell(server);
            const bool msi = flag_field(&device, "msi");
            if (!msi) entry["msi"] = false;
            if (flag_field(&device, "ioeventfd") != msi) entry["ioeventfd"] = !msi;
            return;
        }
        const std::string region = text_field(&device, "region");
        const std::size_t colon = region.find(':');
        json& known = regions_[region];
        known["name"] = colon == std::string::npos ? region : region.substr(colon + 1);
        if (colon != std::string::npos) known["directory"] = region.substr(0, colon);
        known["size"] = size_field(&device, "size");
        const auto mode = modes_.find(region);
        if (mode != modes_.end()) known["mode"] = mode->second;
        if (region != text_field(&entry, "name")) entry["region"] = region;
    }

    // The size is its server's to say.
    std::string name_of_doorbell(const std::string& server) {
        json& doorbell = doorbells_[server];
        if (doorbell.is_null()) {
            std::string name = server.substr(server.rfind('/') + 1);
            name = name.substr(0, name.find('.'));
            if (name.empty()) name = "doorbell";
            const int number = ++names_[name];
            if (number > 1) name += "-" + std::to_string(number);
            doorbell = {{"name", name}, {"server", server}};
        }
        return text_field(&doorbell, "name");
    }

    std::map<std::string, std::string> modes_;  // of regions, by name
    std::map<std::string, json> regions_;       // by name
    std::map<std::string, json> doorbells_;     // by server
    std::map<std::string, int> names_;          // of doorbells: how many
    std::vector<json> entries_;
    std::map<std::string, std::vector<std::string>> vms_;  // by entry
};

bool is_describable(const json& device) {
    const bool has_memory =
        !text_field(&device, "region").empty() || !text_field(&device, "server").empty();
    return has_memory && !flag_field(&device, "stale");
}

}  // namespace

json export_topology(const json& devices, const json& regions, std::vector<std::string>& left_out) {
    Exporter exporter(regions);
    for (const json& device : list_field(devices, "devices")) {
        const std::string state = text_field(&device, "state");
        if (text_field(&device, "origin") != "managed" || state != "attached") continue;
        if (is_describable(device)) {
            exporter.add(device);
        } else {
            left_out.push_back(text_field(&device, "vm") + "/" + text_field(&device, "name"));
        }
    }
    return exporter.topology();
}

}  // namespace ivshmemd::ctl
