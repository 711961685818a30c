#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lib/result.h"
#include "proto/json.h"

namespace ivshmemd::ctl {

/// A topology as it was written.
struct TopologyFile {
    Document topology;                   // as Apply takes it; never null
    std::map<std::string, int> lines{};  // by JSON pointer; empty for a file that is JSON

    /// "3" for the line of what a pointer names, or of what that is part of; empty when there is
    /// none.
    std::string line_of(const std::string& pointer) const;
};

/// Reads one, TOML or JSON; "-" is standard input. InvalidParameter says what is wrong, and where.
Result<TopologyFile> read_topology_file(const std::string& path);

/// The same for a text; `path` is for messages.
Result<TopologyFile> parse_topology(const std::string& text, const std::string& path);

/// A topology as TOML.
std::string topology_as_toml(const nlohmann::json& topology);

}  // namespace ivshmemd::ctl
