#pragma once

#include <string>
#include <vector>

#include "daemon/ctl/session.h"
#include "daemon/ctl/topology_file.h"

namespace ivshmemd::ctl {

/// InvalidParameter for what is wrong with a file by itself. `faults` is not empty.
Answer faulty_file(const std::vector<Error>& faults, const std::string& path);

/// Prints an error, and for people where the file has what is wrong:
/// "topology.toml:12: /device/0/size: ...". The exit code.
int print_faults(const Answer& answer, const TopologyFile& file, const std::string& path,
                 Session& session);

}  // namespace ivshmemd::ctl
