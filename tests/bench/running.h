#pragma once

#include <sys/types.h>

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <string>

// What a bench wants of a daemon that runs. Failures throw std::runtime_error.
namespace ivshmemd::bench {

/// A reply's parameters; throws when it is an error.
nlohmann::json success(const nlohmann::json& reply);

/// The number in a line "KEY:   NUMBER ..." of /proc/PID/status; KiB where it is of memory.
long status_of(pid_t pid, const std::string& key);

/// The same in MiB.
double mebibytes_of(pid_t pid, const std::string& key);

/// The kernel timer may still fire once for the deadline of a daemon's last question, though long
/// answered; after this time no more.
inline constexpr std::chrono::seconds settle_time{12};
/// How often a process wakes up in the next 5 s.
double wake_ups_of(pid_t pid);

/// CPU time of all threads of a process, in ms.
double cpu_of(pid_t pid);

}  // namespace ivshmemd::bench
