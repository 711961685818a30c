#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "lib/names.h"
#include "proto/state_file.h"
#include "tests/daemon/faults/scene.h"

// What must never differ, whatever has failed: QEMU's objects, what the daemon shows of them,
// files, records, relays, and what the client was told.
namespace ivshmemd::test {
namespace {

using Found = std::vector<std::string>;

bool is_ours(const std::string& id) {
    return id.starts_with("ivshmemd.");
}

std::optional<ino_t> inode_of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return std::nullopt;
    return status.st_ino;
}

std::set<std::string> devices_in(const json& holdings) {
    std::set<std::string> names;
    for (const auto& [id, device] : holdings["devices"].items()) {
        if (is_ours(id)) names.insert(*name_of_device_id(id));
    }
    return names;
}

std::set<std::string> doorbells_in(const json& holdings) {
    std::set<std::string> names;
    for (const auto& [id, device] : holdings["devices"].items()) {
        if (is_ours(id) && device["chardev"] != "") names.insert(*name_of_device_id(id));
    }
    return names;
}

void compare(Found& found, const std::string& what, const std::set<std::string>& expected,
             const std::set<std::string>& shown) {
    for (const std::string& each : expected) {
        if (!shown.contains(each)) found.push_back(what + " lacks " + each);
    }
    for (const std::string& each : shown) {
        if (!expected.contains(each)) found.push_back(what + " has " + each);
    }
}

std::string as_expected(const json& device, const DeviceSpec& spec) {
    if (device["slot"] != spec.slot) return "another slot";
    if ((device["master"] == "on") != (spec.role == Role::master)) return "another role";
    if (device["driver"] != std::string(qom_type(spec.model))) return "another model";
    return "";
}

}  // namespace

std::vector<std::string> Scene::contradictions() {
    Found found;
    compare_devices(found);
    compare_qemu(found);
    compare_files(found);
    compare_records(found);
    compare_relays(found);
    const int expected = called() && has_client() ? 1 : 0;
    if (final_replies_ != expected && has_client()) {
        found.push_back(std::to_string(final_replies_) + " final replies");
    }
    return found;
}

// Whether the client was told of what stays, or whoever reads the log.
bool Scene::is_named(const std::string& text) const {
    const auto says = [&](const Event& each) {
        return each.detail.find(text) != std::string::npos;
    };
    return told_.find(text) != std::string::npos ||
           std::any_of(events_.begin(), events_.end(), says);
}

void Scene::compare_devices(Found& found) {
    const json holdings = pc_.holdings();
    std::set<std::string> shown;
    for (const Device& device : vm()->devices()) {
        if (device.origin != Origin::managed) continue;
        const std::string& name = device.spec.name;
        if (device.state == DeviceState::leaked) {
            found.push_back(name + " has leaked");
            continue;
        }
        shown.insert(name);
        if (device.state != DeviceState::attached) {
            found.push_back(name + " is " + std::string(state_name(device.state)));
        }
        const json& there = holdings["devices"];
        const std::string id = device_id(name);
        if (!there.contains(id)) continue;
        const std::string differs = as_expected(there[id], device.spec);
        if (!differs.empty()) found.push_back(name + " is shown with " + differs);
    }
    compare(found, "the daemon", devices_in(holdings), shown);
}

// What serves no device, and what others have.
void Scene::compare_qemu(Found& found) {
    const json holdings = pc_.holdings();
    std::set<std::string> used{"theirs.mem", "theirs.chr"};
    for (const auto& [id, device] : holdings["devices"].items()) {
        if (device["backend"] != "") used.insert(device["backend"].get<std::string>());
        if (device["chardev"] != "") used.insert(device["chardev"].get<std::string>());
    }
    std::set<std::string> there;
    for (const auto& [id, backend] : holdings["backends"].items()) there.insert(id);
    for (const json& id : holdings["chardevs"]) there.insert(id.get<std::string>());
    compare(found, "QEMU", used, there);
    if (!holdings["devices"].contains("theirs")) found.push_back("the others' device is gone");
    for (const json& name : holdings["passed"]) {
        const auto text = name.get<std::string>();
        if (!text.starts_with("ivshmemd.parked.")) found.push_back("QEMU keeps descriptor " + text);
    }
    if (!pc_.failure().empty()) found.push_back(pc_.failure());
    for (const int number : pc_.descriptors().exposed()) {
        found.push_back("QEMU watches descriptor " + std::to_string(number) + ", which is free");
    }
}

void Scene::compare_files(Found& found) {
    const json holdings = pc_.holdings();
    std::set<std::string> mapped{region_path("theirs")};
    for (const auto& [id, backend] : holdings["backends"].items()) {
        const auto path = backend["path"].get<std::string>();
        mapped.insert(path);
        const auto inode = inode_of(path);
        if (!inode || *inode != backend["inode"]) found.push_back(id + " has lost its file");
    }
    std::set<std::string> there;
    for (const auto& entry : std::filesystem::directory_iterator(regions_.path())) {
        const std::string path = entry.path();
        if (mapped.contains(path) || kept_regions_.contains(path) || is_named(path)) continue;
        found.push_back("nobody uses " + path);
    }
    if (std::filesystem::file_size(region_path("theirs")) != 4096) {
        found.push_back("the others' region has changed");
    }
}

void Scene::compare_records(Found& found) {
    const SavedState& state = host_.store->get();
    std::ifstream file(host_.config.state_dir + "/state.json", std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    const Result<ReadState> written = parse_state(text);
    if (state_file_is_old_) {
        // It waits for the next change.
    } else if (!written ? !text.empty() || !(state == SavedState()) : !(written->state == state)) {
        found.push_back("the state file is not what the daemon has in mind");
    }
    for (const CreatedRegion& each : state.regions) {
        const auto inode = inode_of(each.path);
        if (!inode || *inode != each.inode) found.push_back("a record of a lost " + each.path);
    }
    for (const RemovalIntent& each : state.removals) {
        found.push_back("a record of a removal of " + each.device);
    }
    const json holdings = pc_.holdings();
    for (const MigrationRecord& record : state.migrations) {
        for (const DeviceSpec& spec : record.devices) {
            if (!holdings["devices"].contains(device_id(spec.name))) continue;
            found.push_back("a record of " + spec.name + " as out, which is there");
        }
    }
    std::set<std::string> bells;
    for (const DoorbellRecord& each : state.doorbells) {
        if (each.run == vm()->link().run())
            bells.insert(each.device);  // of others it means nothing
    }
    compare(found, "the records of doorbells", doorbells_in(holdings), bells);
}

void Scene::compare_relays(Found& found) {
    const std::set<std::string> bells = doorbells_in(pc_.holdings());
    const std::vector<std::string> relays = host_.relays.devices("a");
    compare(found, "the relays", bells, {relays.begin(), relays.end()});
    for (const std::string& each : relays) {
        if (!host_.relays.connected("a", each)) found.push_back("the relay of " + each + " ended");
    }
    if (bell_.clients() != bells.size()) {
        found.push_back("the server has " + std::to_string(bell_.clients()) + " clients");
    }
}

}  // namespace ivshmemd::test
