#include "proto/api/topology_values.h"

#include <map>
#include <nlohmann/json.hpp>

#include "lib/names.h"
#include "proto/api/topology_reader.h"

namespace ivshmemd::api {
namespace {

using Kind = EntryReader::Kind;
using Members = EntryReader::Members;

const Members region_members{{"name", Kind::text},
                             {"size", Kind::size},
                             {"directory", Kind::text},
                             {"mode", Kind::text},
                             {"numa", Kind::number}};
const Members doorbell_members{
    {"name", Kind::text}, {"server", Kind::text}, {"size", Kind::size}, {"vectors", Kind::number}};
const Members device_members{
    {"name", Kind::text},    {"vms", Kind::texts},      {"size", Kind::size},
    {"region", Kind::text},  {"doorbell", Kind::text},  {"server", Kind::text},
    {"role", Kind::text},    {"model", Kind::text},     {"vectors", Kind::number},
    {"msi", Kind::flag},     {"ioeventfd", Kind::flag}, {"bus", Kind::text},
    {"slot", Kind::number},  {"readonly", Kind::flag},  {"numa", Kind::number},
    {"prealloc", Kind::flag}};

// Named entries of one kind, each with what a device takes from it.
using Entries = std::map<std::string, json>;

class Reader {
  public:
    ReadTopology read(const json& description) {
        if (!as_object(&description)) {
            add("", "a topology is an object");
            return std::move(result_);
        }
        for (const auto& [key, value] : description.items()) {
            const bool known = key == "region" || key == "doorbell" || key == "device";
            if (!known) add("/" + pointer_word(key), "there is no such table");
        }
        read_entries(description, "region", [this](EntryReader& entry) { read_region(entry); });
        read_entries(description, "doorbell", [this](EntryReader& entry) { read_doorbell(entry); });
        read_entries(description, "device", [this](EntryReader& entry) { read_device(entry); });
        for (Error& each : check_topology(result_.topology)) {
            result_.faults.push_back(std::move(each));
        }
        return std::move(result_);
    }

  private:
    void add(const std::string& key, const std::string& message) {
        result_.faults.push_back(topology_fault(ErrorKind::invalid_parameter, key, message));
    }

    template <class Read>
    void read_entries(const json& description, const std::string& table, Read read) {
        const json* entries = find(description, table);
        if (!entries || entries->is_null()) return;
        if (!as_array(entries)) return add("/" + table, "expected a list of tables");
        for (std::size_t i = 0; i < entries->size(); ++i) {
            EntryReader entry((*entries)[i], "/" + table + "/" + std::to_string(i), result_.faults);
            read(entry);
        }
    }

    void keep(Entries& entries, EntryReader& entry, const std::string& name, json given) {
        if (!entries.emplace(name, std::move(given)).second) {
            entry.add("name", "there is one called " + name + " already");
        }
    }

    // By its whole name, which is what Attach calls it.
    void read_region(EntryReader& entry) {
        json given = entry.take(region_members);
        const std::string* given_name = entry.required_text(given, "name");
        if (!given_name) return;
        const std::string name = *given_name;
        const std::string* directory = as_string(find(given, "directory"));
        const std::string whole = directory ? *directory + ":" + name : name;
        const Result<void> valid = check_region_name(whole);
        if (!valid) entry.add(directory ? "directory" : "name", valid.error());
        const std::string* mode = as_string(find(given, "mode"));
        const bool is_mode =
            mode && mode->size() == 4 && mode->find_first_not_of("01234567") == std::string::npos;
        if (mode && !is_mode) entry.add("mode", "expected four octal digits, such as \"0660\"");
        given.erase("name");
        given.erase("directory");
        keep(regions_, entry, whole, std::move(given));
        const bool is_new = short_names_.emplace(name, whole).second;
        if (!is_new) short_names_[name] = name;  // of two, the one in the usual directory
    }

    void read_doorbell(EntryReader& entry) {
        json given = entry.take(doorbell_members);
        const std::string* name = entry.required_text(given, "name");
        entry.required_text(given, "server");
        if (!name) return;
        const std::string kept = *name;
        given.erase("name");
        keep(doorbells_, entry, kept, std::move(given));
    }

    // Gives a device what its region or doorbell says of it.
    void resolve(EntryReader& entry, json& device) {
        const std::string* doorbell = as_string(find(device, "doorbell"));
        if (doorbell) {
            const auto found = doorbells_.find(*doorbell);
            if (found == doorbells_.end()) entry.add("doorbell", "no doorbell is called so");
            if (found != doorbells_.end()) device.update(found->second);
            device.erase("doorbell");
            return;
        }
        if (device.contains("server")) return;
        const std::string* region = as_string(find(device, "region"));
        std::string whole = region ? *region : *as_string(find(device, "name"));
        const auto known = short_names_.find(whole);
        if (known != short_names_.end()) whole = known->second;
        const auto found = regions_.find(whole);
        if (found != regions_.end()) {
            json given = found->second;
            given.update(device);
            device = std::move(given);
        }
        if (region || json(whole) != device["name"]) device["region"] = whole;
    }

    void read_device(EntryReader& entry) {
        json device = entry.take(device_members);
        const std::string* name = entry.required_text(device, "name");
        const json* vms = as_array(find(device, "vms"));
        if (!vms || vms->empty()) entry.add("vms", "name the VMs that get the device");
        if (!name) return;
        const json names = vms ? *vms : json::array();
        device.erase("vms");
        resolve(entry, device);
        const std::string* region_mode = as_string(find(device, "mode"));
        const std::string mode = region_mode ? *region_mode : "";
        device.erase("mode");
        const std::optional<DeviceRequest> request = entry.request_of(device);
        for (std::size_t i = 0; request && i < names.size(); ++i) {
            const std::string* vm = as_string(&names[i]);
            const std::string vm_key = entry.key("vms/" + std::to_string(i));
            if (vm) result_.topology.push_back({*vm, *request, entry.key(""), vm_key, mode});
        }
    }

    ReadTopology result_;
    Entries regions_;
    Entries doorbells_;
    std::map<std::string, std::string> short_names_;  // of regions -> whole ones
};

}  // namespace

ReadTopology read_topology(const json& description) {
    return Reader().read(description);
}

}  // namespace ivshmemd::api
