#pragma once

#include <functional>
#include <string>

#include "proto/json.h"
#include "proto/qmp/command.h"

namespace ivshmemd::qmp {

/// What QEMU says to a question: a value, or an error by its class and text.
struct Response {
    const json* value = nullptr;  // null for an error
    std::string error_class;
    std::string description;
};

/// One question, and what to do with its answer.
struct Question {
    Command command;
    std::function<void(const Response&)> answer;
};

}  // namespace ivshmemd::qmp
