#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "lib/result.h"

namespace ivshmemd::doorbell {

/// What the command line says.
struct Options {
    std::optional<std::string> socket;  // none: systemd passes it
    mode_t mode = 0660;                 // of the socket
    std::optional<gid_t> group;         // of the socket; in the ACL of a region made here
    std::optional<std::string> region;  // a file; none: sealed memory without a name
    std::optional<std::uint64_t> size;  // bytes; none: the existing region's
    unsigned vectors = 1;
    std::optional<unsigned> peers;
    Milliseconds patience{10000};
    std::string log_level = "info";
};

/// Reads the command line. A message for people; exits for --help and --version.
Result<Options> read_options(int argc, const char* const* argv);

}  // namespace ivshmemd::doorbell
