#pragma once

#include <string>
#include <vector>

#include "daemon/ctl/session.h"

namespace ivshmemd::ctl {

struct Console;

inline constexpr const char* default_socket_path = "/run/ivshmemd/ivshmemd.sock";

/// The whole program: `arguments` without the program's name, `socket_path` what is used unless
/// --socket is given. Returns the exit code.
int run(std::vector<std::string> arguments, const std::string& socket_path, Console& console,
        const Caller& caller);

}  // namespace ivshmemd::ctl
