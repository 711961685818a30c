#pragma once

#include <vector>

#include "lib/topology.h"
#include "proto/json.h"

// The description of a topology, as Apply takes it and as the files of ivshmemctl have it:
//
// {"region": [{"name", "size"?, "directory"?, "mode"?, "numa"?}],
//  "doorbell": [{"name", "server", "size"?, "vectors"?}],
//  "device": [{"name", "vms", "region"? | "doorbell"? | "server"?, ... as for Attach}]}
//
// Sizes are bytes, or texts such as "64M".

namespace ivshmemd::api {

struct ReadTopology {
    Topology topology;
    std::vector<Error> faults;  // all of them, each with its "key", a JSON pointer
};

/// Everything about the description that does not depend on what is there. What is sound of it is
/// read although something else is not.
ReadTopology read_topology(const json& description);

}  // namespace ivshmemd::api
