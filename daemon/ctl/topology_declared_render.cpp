#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/ctl/render.h"
#include "daemon/ctl/table.h"
#include "daemon/ctl/topology_declared.h"
#include "lib/size.h"

namespace ivshmemd::ctl {
namespace {

using Compared = ComparedDevice::State;

Cell state_cell(Compared state) {
    switch (state) {
        case Compared::in_place:
            return {"in place", Tone::good};
        case Compared::missing:
            return {"missing", Tone::bad};
        case Compared::differs:
            return {"differs", Tone::bad};
        case Compared::unknown:
            return {"unknown", Tone::warn};
        case Compared::undeclared:
            return {"not declared", Tone::warn};
        case Compared::foreign:
            break;
    }
    return {"foreign", Tone::plain};
}

// "peer, region frames, 64M": what is left out may be anything.
std::string wanted_summary(const DeviceRequest& request) {
    std::string text = request.model ? std::string(qom_type(*request.model)) + ", " : "";
    text += role_name(request.role.value_or(Role::peer));
    if (request.bus) text += ", " + *request.bus;
    if (request.slot) text += (request.bus ? " slot " : ", slot ") + std::to_string(*request.slot);
    if (request.server) text += ", server " + *request.server;
    if (!request.server) text += ", region " + request.region.value_or(request.name);
    if (request.size) text += ", " + format_size(*request.size);
    return text;
}

MemoryUser* drawn_user(std::vector<SharedMemory>& topology, const ComparedDevice& device) {
    for (SharedMemory& memory : topology) {
        for (MemoryUser& user : memory.users) {
            if (user.vm == device.vm && user.device == device.device) return &user;
        }
    }
    return nullptr;
}

MemoryUser& add_missing(std::vector<SharedMemory>& topology, const ComparedDevice& device) {
    const DeviceRequest& request = device.wanted->request;
    const bool served = request.server.has_value();
    SharedMemory& memory =
        memory_called(topology, served ? SharedMemory::Kind::server : SharedMemory::Kind::region,
                      served ? *request.server : request.region.value_or(request.name));
    if (memory.size.empty() && request.size) memory.size = format_size(*request.size);
    MemoryUser& user = memory.users.emplace_back();
    user.vm = device.vm;
    user.device = device.device;
    user.role = role_name(request.role.value_or(Role::peer));
    return user;
}

}  // namespace

void mark_declared(const std::vector<ComparedDevice>& compared,
                   std::vector<SharedMemory>& topology) {
    for (const ComparedDevice& each : compared) {
        const bool as_it_should_be =
            each.state == Compared::in_place || each.state == Compared::foreign;
        if (as_it_should_be) continue;
        MemoryUser* user = each.there ? drawn_user(topology, each) : nullptr;
        if (!user && !each.wanted) continue;
        if (!user) user = &add_missing(topology, each);
        user->remark = state_cell(each.state).text;
        if (each.state == Compared::differs) user->remark += ": " + each.reason;
    }
}

void render_declared(const std::vector<ComparedDevice>& compared, Console& console) {
    Table table({"VM", "DEVICE", "STATE", "DECLARED", "THERE", "BECAUSE"});
    for (const ComparedDevice& each : compared) {
        table.add({{each.vm},
                   {each.device},
                   state_cell(each.state),
                   {each.wanted ? wanted_summary(each.wanted->request) : ""},
                   {each.there ? device_summary(each.there) : ""},
                   {each.reason}});
    }
    table.print(console);
}

}  // namespace ivshmemd::ctl
