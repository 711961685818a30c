#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "lib/result.h"

namespace ivshmemd::libvirt {

/// What the command line says.
struct Options {
    std::string uri = "qemu:///system";
    std::string directory = "/run/ivshmemd/libvirt";
    mode_t mode = 0660;          // of the sockets
    std::optional<gid_t> group;  // of the sockets
    std::string log_level = "info";
};

/// Reads the command line. A message for people; exits for --help and --version.
Result<Options> read_options(int argc, const char* const* argv);

}  // namespace ivshmemd::libvirt
