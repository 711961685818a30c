#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/error.h"
#include "proto/json.h"

namespace ivshmemd::ctl {

// Exit codes that are not an API error's; those come from ivshmemd::exit_code.
inline constexpr int exit_ok = 0;
inline constexpr int exit_failure = 1;        // anything unexpected
inline constexpr int exit_usage = 2;          // the command line makes no sense
inline constexpr int exit_unreachable = 5;    // no daemon to ask
inline constexpr int exit_pending = 7;        // asked for, not done yet
inline constexpr int exit_interrupted = 130;  // Ctrl-C, as shells count it

/// How a request ended: the parameters of the last reply, or an error of the daemon or of this
/// side.
struct Answer {
    std::string error;    // empty on success; else as --json names it: ours without the interface
    std::string message;  // of an error, one line for people, not yet printable()
    int exit_code = exit_ok;
    Document parameters;  // never null; an object

    explicit operator bool() const { return error.empty(); }
};

/// A last reply without an error. A null or missing `parameters` means an empty object.
Answer success(Document parameters);

/// A reply with an error; `qualified` is its name on the wire.
Answer daemon_error(std::string_view qualified, Document parameters);

/// An error found on this side, named like the API's ("BadSize", "TimedOut"); `details` are further
/// parameters beside the message.
Answer client_error(std::string name, std::string message, int exit_code,
                    std::vector<std::pair<std::string, std::string>> details = {});

Answer client_error(const Error& error);
Answer usage_error(std::string message);
Answer unreachable(std::string message);

}  // namespace ivshmemd::ctl
