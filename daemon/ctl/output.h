#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "daemon/ctl/answer.h"

namespace ivshmemd::ctl {

struct Console;

/// What --json asks for.
enum class JsonMode {
    off,        // tables and sentences
    automatic,  // --json alone: pretty on a terminal, short otherwise
    short_,     // one line
    pretty,     // indented
};

/// One JSON value with a line end, on `out`.
void print_json(const nlohmann::json& value, JsonMode mode, Console& console);

/// "ivshmemctl: MESSAGE" on `err`.
void print_message(std::string_view message, Console& console);

/// How an answer leaves the program: with JSON the reply as it is, or {"error", "parameters"};
/// otherwise what `render` makes of it. An error also gets its line on `err`. Returns the exit
/// code.
int print_answer(const Answer& answer, JsonMode mode, Console& console,
                 const std::function<void(const nlohmann::json&, Console&)>& render);

/// The same for an answer that can only be an error.
int print_error(const Answer& answer, JsonMode mode, Console& console);

}  // namespace ivshmemd::ctl
