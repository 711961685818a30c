#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "daemon/qmp/session.h"
#include "daemon/region/files.h"
#include "daemon/relay/server_connection.h"
#include "daemon/vm/descriptors.h"
#include "lib/decide.h"
#include "lib/plan.h"

namespace ivshmemd {

class Vm;

// The region a spec will map, and what to do for it.
struct RegionChoice {
    std::string path;
    bool create = false;
    bool device = false;                               // it is a driver's, which reserves it
    bool fill = false;                                 // it is there, and empty
    std::shared_ptr<const RegionFile> file = nullptr;  // that was judged; null when there is none
    RegionIdentity identity{};                         // once it is prepared
    mode_t mode = region_mode;                         // of one that is made
    std::uint64_t change = 0;                          // that it is made, or joined, by
};

/// What decide() made of a request, with the things of this host that it was about.
struct Decision {
    DeviceSpec spec;
    RegionChoice region;                           // without a server
    std::shared_ptr<ServerConnection> server;      // once it was met; used up by one attempt
    std::shared_ptr<qmp::Session> session;         // with the QEMU that it is for
    std::optional<NextDescriptors> descriptors{};  // with a server, where its numbers matter
};

/// Finds out what decide() wants to know, and asks it. Looks at the region's file and makes
/// nothing. An equal device is there, or one is to be made. `leaving`: "VM/NAME" of devices that
/// will have left by then.
Result<std::variant<Device, Decision>> decide_attach(const Vm& vm, const DeviceRequest& request,
                                                     const std::set<std::string>& leaving = {});

/// The part about memory alone, as if no device of that name were there.
Result<Decision> decide_memory(const Vm& vm, const DeviceRequest& request, Model model);

/// MasterExists when another device than this one of the VM is this memory's master.
Result<void> check_only_master(const Vm& vm, const Mapping& memory, const std::string& what,
                               const std::string& device);

/// What QEMU will be told to make for this device, under ids that are free there.
Parts parts_of(const Vm& vm, const Decision& decision);

}  // namespace ivshmemd
