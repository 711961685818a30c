#include "daemon/ctl/topology_graph.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"
#include "proto/json.h"

namespace ivshmemd::ctl {
namespace {

using Kind = SharedMemory::Kind;

// The one that the list of regions told of already, or a null pointer.
MemoryUser* known_user(std::vector<SharedMemory>& all, const std::string& vm,
                       const std::string& device) {
    for (SharedMemory& memory : all) {
        for (MemoryUser& user : memory.users) {
            if (user.vm == vm && user.device == device && user.state.empty()) return &user;
        }
    }
    return nullptr;
}

SharedMemory& memory_of(const json& device, std::vector<SharedMemory>& all) {
    const std::string region = text_field(&device, "region");
    const std::string server = text_field(&device, "server");
    // What its memory is was known, and the list of regions knows it not as one of theirs.
    const bool is_elsewhere =
        !text_field(&device, "sharing").empty() && !flag_field(&device, "stale");
    if (!region.empty() && !is_elsewhere) return memory_called(all, Kind::region, region);
    if (!server.empty()) return memory_called(all, Kind::server, server);
    return memory_called(all, Kind::private_, "");
}

void add_region(const json& region, std::vector<SharedMemory>& all) {
    // Files in different places can have the same name.
    const std::string name = text_field(&region, "name");
    const bool is_taken = std::any_of(all.begin(), all.end(),
                                      [&](const SharedMemory& each) { return each.name == name; });
    SharedMemory& memory =
        memory_called(all, Kind::region, is_taken ? text_field(&region, "path") : name);
    memory.size = size_field(&region, "size");
    for (const json& user : list_field(region, "users")) {
        memory.users.push_back({.vm = text_field(&user, "vm"),
                                .device = text_field(&user, "device"),
                                .role = text_field(&user, "role"),
                                .model = {},
                                .state = {},
                                .window = window_field(region, user)});
    }
}

void add_device(const json& device, std::vector<SharedMemory>& all) {
    const std::string vm = text_field(&device, "vm");
    const std::string name = text_field(&device, "name");
    MemoryUser* user = known_user(all, vm, name);
    if (user == nullptr) {
        SharedMemory& memory = memory_of(device, all);
        if (memory.size.empty()) memory.size = size_field(&device, "size");
        user = &memory.users.emplace_back();
        user->vm = vm;
        user->device = name;
        user->role = text_field(&device, "role");
    }
    user->model = model_field(&device, "model");
    user->state = text_field(&device, "state");
    user->stale = flag_field(&device, "stale");
}

}  // namespace

SharedMemory& memory_called(std::vector<SharedMemory>& all, Kind kind, const std::string& name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const SharedMemory& memory) {
        return memory.kind == kind && memory.name == name;
    });
    if (found != all.end()) return *found;
    all.push_back({.kind = kind, .name = name, .size = {}, .users = {}});
    return all.back();
}

std::vector<SharedMemory> topology_of(const json& regions, const json& devices) {
    std::vector<SharedMemory> all;
    for (const json& region : list_field(regions, "regions")) add_region(region, all);
    for (const json& device : list_field(devices, "devices")) add_device(device, all);
    std::stable_sort(all.begin(), all.end(),
                     [](const SharedMemory& a, const SharedMemory& b) { return a.kind < b.kind; });
    return all;
}

}  // namespace ivshmemd::ctl
