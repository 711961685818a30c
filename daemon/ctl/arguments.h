#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ivshmemd::ctl {

// Options and positionals that become a member of a request when they are given, and only then: the
// daemon knows the defaults, and judges words and ranges.

/// Any text, even an empty one: `--region "$UNSET"` must be refused, not overlooked.
CLI::Option* add_text(CLI::App& app, const std::string& name, nlohmann::json& request,
                      const std::string& member, const std::string& help);

/// The positionals VM and NAME, which may come as one word, VM/NAME; `name_help` explains NAME. The
/// option of NAME. Whoever runs the command calls split_device() first.
CLI::Option* add_device(CLI::App& app, nlohmann::json& request, const std::string& name_help,
                        const std::string& vm_help = "Name of the VM; VM/NAME says both");

/// Help for VM where several may be named.
inline constexpr const char* vms_help = "Name of the VM, or of several: web,db";

/// Makes two members of VM/NAME. False when no name was given, one way or the other.
bool split_device(nlohmann::json& request);

/// A whole decimal number.
CLI::Option* add_number(CLI::App& app, const std::string& name, nlohmann::json& request,
                        const std::string& member, const std::string& help);

/// "on" or "off".
CLI::Option* add_switch(CLI::App& app, const std::string& name, nlohmann::json& request,
                        const std::string& member, const std::string& help);

/// Reads "-12"; nothing for anything but one decimal number that fits.
std::optional<std::int64_t> parse_whole(std::string_view text);

/// Reads a time of day in milliseconds since 1970: as RFC 3339 has it, or a span before `now` such
/// as 90s, 15m, 2h or 1d.
std::optional<std::int64_t> parse_since(std::string_view text, std::int64_t now);

/// --timeout SECONDS, which becomes "timeoutMs".
CLI::Option* add_timeout(CLI::App& app, nlohmann::json& request, const std::string& help);

/// --to [USER@]HOST, which is stored as parse_host has it.
CLI::Option* add_destination(CLI::App& app, std::string& host, const std::string& help);

/// Reads seconds, as in "30" or "0.5", as milliseconds rounded up; nothing for a negative or
/// absurdly long time.
std::optional<std::int64_t> parse_seconds(std::string_view text);

}  // namespace ivshmemd::ctl
