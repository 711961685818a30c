#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "daemon/ctl/topology_graph.h"
#include "lib/topology.h"
#include "proto/json.h"

namespace ivshmemd::ctl {

struct Console;

/// A device that a file declares, or one that is there, and how the one is beside the other.
struct ComparedDevice {
    enum class State {
        in_place,    // it is there as declared
        missing,     // it is not there
        differs,     // it is there otherwise
        unknown,     // its VM is not connected
        undeclared,  // it is there and not declared
        foreign,     // the same, and not ours to change
    };
    State state = State::in_place;
    std::string vm;
    std::string device;
    std::string reason{};           // what differs, for one; empty when there is nothing to be said
    const WantedDevice* wanted{};   // null for one that is not declared
    const nlohmann::json* there{};  // as ListDevices has it; null when there is none
};

/// "inPlace", "missing", ...
std::string_view state_word(ComparedDevice::State state);

/// What a Topology declares, beside what the replies of the three List methods tell, which have to
/// outlive it. By VM, those declared first.
std::vector<ComparedDevice> compare_declared(const Topology& topology, const nlohmann::json& vms,
                                             const nlohmann::json& devices,
                                             const nlohmann::json& regions);

/// Whether all that is declared is in place; with Undescribed::go also that nothing of ours is
/// there beside it.
bool is_as_declared(const std::vector<ComparedDevice>& compared, Undescribed undescribed);

/// Marks what is not as declared where it is drawn, and adds what is missing.
void mark_declared(const std::vector<ComparedDevice>& compared,
                   std::vector<SharedMemory>& topology);

nlohmann::json spell_declared(const std::vector<ComparedDevice>& compared);

/// A table for people.
void render_declared(const std::vector<ComparedDevice>& compared, Console& console);

}  // namespace ivshmemd::ctl
