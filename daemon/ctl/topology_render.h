#pragma once

#include <vector>

#include "daemon/ctl/topology_graph.h"

namespace ivshmemd::ctl {

struct Console;

/// A tree for people: each memory, and below it the devices that use it.
void render_tree(const std::vector<SharedMemory>& topology, Console& console);

/// The same for Graphviz: VMs and memory are nodes, devices are the edges between them. Private
/// memory is left out: a node for it would look like something shared.
void render_dot(const std::vector<SharedMemory>& topology, Console& console);

}  // namespace ivshmemd::ctl
