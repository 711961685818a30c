#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/ctl/address.h"
#include "daemon/ctl/answer.h"
#include "daemon/ctl/client.h"
#include "daemon/ctl/output.h"

namespace ivshmemd::ctl {

struct Console;

/// call_daemon, or what stands in for it.
using Caller = std::function<Answer(const Address& address, std::string_view method,
                                    const nlohmann::json& parameters, const Wait& wait)>;

/// What a running command has at hand.
class Session {
  public:
    Session(Console& console, JsonMode json, Address address, Caller caller);

    /// Calls a method of our interface, e.g. "ListVms". `activity` says on a terminal what a long
    /// wait is for, until the daemon says something better.
    Answer call(std::string_view method, const nlohmann::json& parameters,
                const std::string& activity, Wait wait = {});

    /// Calls a method of our interface that goes on replying, for as long as it does. `each` takes
    /// the parameters of every reply but the last.
    Answer watch(std::string_view method, const nlohmann::json& parameters,
                 std::function<void(const nlohmann::json&)> each);

    /// Calls a qualified method of any interface, without showing progress.
    Answer call_other(std::string_view method, const nlohmann::json& parameters, const Wait& wait);

    /// print_answer for this session's output.
    int finish(const Answer& answer,
               const std::function<void(const nlohmann::json&, Console&)>& render);

    /// What follows -- on the command line of a command that runs another one.
    const std::vector<std::string>& command_line() const { return command_line_; }
    void set_command_line(std::vector<std::string> words) { command_line_ = std::move(words); }

    Console& console() { return console_; }
    JsonMode json_mode() const { return json_; }
    const Address& address() const { return address_; }

  private:
    Console& console_;
    JsonMode json_;
    Address address_;
    Caller caller_;
    std::vector<std::string> command_line_;
};

}  // namespace ivshmemd::ctl
