#pragma once

#include <sys/types.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

// What a bench wants of a daemon that runs. Failures throw std::runtime_error.
namespace ivshmemd::bench {

/// A reply's parameters; throws when it is an error.
nlohmann::json success(const nlohmann::json& reply);

/// The number in a line "KEY:   NUMBER ..." of /proc/PID/status; KiB where it is of memory.
long status_of(pid_t pid, const std::string& key);

/// CPU time of all threads of a process, in ms.
double cpu_of(pid_t pid);

}  // namespace ivshmemd::bench
