#include "daemon/ctl/arguments.h"

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"
#include "daemon/ctl/host_name.h"
#include "lib/time_of_day.h"
#include "proto/json.h"

namespace ivshmemd::ctl {
namespace {

constexpr double longest_seconds = 1e9;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    const char* end = text.data() + text.size();
    const auto [rest, ec] = std::from_chars(text.data(), end, number);
    if (ec != std::errc{} || rest != end) return std::nullopt;
    return number;
}

}  // namespace

std::optional<std::int64_t> parse_whole(std::string_view text) {
    return parse_number<std::int64_t>(text);
}

std::optional<std::int64_t> parse_since(std::string_view text, std::int64_t now) {
    constexpr std::array<std::pair<char, std::int64_t>, 4> units{
        {{'s', 1000}, {'m', 60'000}, {'h', 3'600'000}, {'d', 86'400'000}}};
    if (const auto time = parse_time_of_day(text)) return time;
    for (const auto& [unit, milliseconds] : units) {
        if (text.empty() || text.back() != unit) continue;
        const auto count = parse_whole(text.substr(0, text.size() - 1));
        if (!count || *count < 0 || *count > now / milliseconds) return std::nullopt;
        return now - *count * milliseconds;
    }
    return std::nullopt;
}

CLI::Option* add_destination(CLI::App& app, std::string& host, const std::string& help) {
    const auto store = [&host](const std::string& text) {
        const Result<std::string> parsed = parse_host(text);
        if (!parsed) throw CLI::ValidationError("--to", parsed.error().message);
        host = *parsed;
    };
    return app.add_option_function<std::string>("--to", store, help)->type_name("[USER@]HOST");
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
    const auto seconds = parse_number<double>(text);
    // Written so that it refuses NaN as well.
    if (!seconds || !(*seconds >= 0 && *seconds <= longest_seconds)) return std::nullopt;
    return static_cast<std::int64_t>(std::ceil(*seconds * 1000));
}

CLI::Option* add_text(CLI::App& app, const std::string& name, json& request,
                      const std::string& member, const std::string& help) {
    const auto store = [&request, member](const std::string& text) { request[member] = text; };
    return app.add_option_function<std::string>(name, store, help);
}

CLI::Option* add_timeout(CLI::App& app, json& request, const std::string& help) {
    const auto store = [&request](const std::string& text) {
        const auto milliseconds = parse_seconds(text);
        if (!milliseconds) {
            throw CLI::ValidationError("--timeout", "'" + text + "' is not a number of seconds");
        }
        request["timeoutMs"] = *milliseconds;
    };
    return app.add_option_function<std::string>("--timeout", store, help)->type_name("SECONDS");
}

CLI::Option* add_device(CLI::App& app, json& request, const std::string& name_help,
                        const std::string& vm_help) {
    add_text(app, "VM", request, "vm", vm_help)->required();
    return add_text(app, "NAME", request, "name", name_help);
}

bool split_device(json& request) {
    if (find(request, "name") != nullptr) return true;
    const std::string both = text_field(&request, "vm");
    const std::size_t slash = both.find('/');
    if (slash == std::string::npos) return false;
    request["vm"] = both.substr(0, slash);
    request["name"] = both.substr(slash + 1);
    return true;
}

CLI::Option* add_number(CLI::App& app, const std::string& name, json& request,
                        const std::string& member, const std::string& help) {
    const auto store = [&request, member, name](const std::string& text) {
        const auto number = parse_whole(text);
        if (!number) throw CLI::ValidationError(name, "'" + text + "' is not a whole number");
        request[member] = *number;
    };
    return app.add_option_function<std::string>(name, store, help)->type_name("N");
}

CLI::Option* add_switch(CLI::App& app, const std::string& name, json& request,
                        const std::string& member, const std::string& help) {
    const auto store = [&request, member, name](const std::string& text) {
        if (text != "on" && text != "off") {
            throw CLI::ValidationError(name, "'" + text + "' is neither on nor off");
        }
        request[member] = text == "on";
    };
    return app.add_option_function<std::string>(name, store, help)->type_name("on|off");
}

}  // namespace ivshmemd::ctl
