#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ivshmemd::ctl {

/// A device that uses shared memory. Texts are as the API has them, empty when unknown.
struct MemoryUser {
    std::string vm;
    std::string device;
    std::string role;
    std::string model;
    std::string state;        // of the device; empty when only the list of regions knows it
    bool stale = false;       // its VM is not connected
    std::string window = {};  // "64M-128M" where it does not map the whole; else empty
    std::string remark = {};  // how it is beside what was declared
};

/// What several VMs can share, and who does.
struct SharedMemory {
    enum class Kind {
        region,   // a file in the region directory
        server,   // given out by a doorbell server
        private_  // neither: a foreign device's own
    };
    Kind kind = Kind::region;
    std::string name;  // of the region, or path of the server's socket
    std::string size;  // as in "64M"
    std::vector<MemoryUser> users;
};

/// The one of that name, which is added where there is none.
SharedMemory& memory_called(std::vector<SharedMemory>& all, SharedMemory::Kind kind,
                            const std::string& name);

/// Puts the replies of ListRegions and ListDevices together: regions first, then servers, then what
/// is neither; each in the order of the replies. A device that the list of regions does not know
/// (yet) counts as a user of the region it names, unless it is known to map something else.
std::vector<SharedMemory> topology_of(const nlohmann::json& regions, const nlohmann::json& devices);

}  // namespace ivshmemd::ctl
