#include "daemon/ctl/output.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"

namespace ivshmemd::ctl {
namespace {

constexpr int compact = -1;
constexpr int indented = 4;

int indent_of(JsonMode mode, const Console& console) {
    switch (mode) {
        case JsonMode::off:
        case JsonMode::short_:
            return compact;
        case JsonMode::pretty:
            return indented;
        case JsonMode::automatic:
            return console.out_is_terminal ? indented : compact;
    }
    return compact;
}

// One alone is in the message.
void print_faults(const json& parameters, Console& console) {
    const json& faults = list_field(parameters, "faults");
    for (std::size_t i = 0; faults.size() > 1 && i < faults.size(); ++i) {
        const json& fault = faults[i];
        std::string about = text_field(&fault, "vm");
        const std::string device = text_field(&fault, "device");
        if (!device.empty()) about += (about.empty() ? "" : "/") + device;
        if (about.empty()) about = text_field(&fault, "key");
        console.err << "  " << printable(about) << ": " << printable(text_field(&fault, "message"))
                    << '\n';
    }
}

}  // namespace

void print_json(const json& value, JsonMode mode, Console& console) {
    // JSON leaves DEL and C1 controls as they are, and some terminals obey them; as \u escapes the
    // value is still the same.
    const bool ascii = console.out_is_terminal;
    console.out << value.dump(indent_of(mode, console), ' ', ascii, json::error_handler_t::replace)
                << '\n';
}

void print_message(std::string_view message, Console& console) {
    console.err << "ivshmemctl: ";
    // Arguments to copy are on lines of their own.
    for (std::size_t begin = 0; begin < message.size();) {
        const std::size_t end = std::min(message.find("\n-", begin), message.size());
        console.err << printable(message.substr(begin, end - begin)) << '\n';
        if (end < message.size()) console.err << "  ";
        begin = end + 1;
    }
    if (message.empty()) console.err << '\n';
}

int print_answer(const Answer& answer, JsonMode mode, Console& console,
                 const std::function<void(const json&, Console&)>& render) {
    if (!answer) return print_error(answer, mode, console);
    if (mode == JsonMode::off) {
        render(*answer.parameters, console);
    } else {
        print_json(*answer.parameters, mode, console);
    }
    return exit_ok;
}

int print_error(const Answer& answer, JsonMode mode, Console& console) {
    print_message(answer.message, console);
    if (mode == JsonMode::off) {
        print_faults(*answer.parameters, console);
    } else {
        print_json(json{{"error", answer.error}, {"parameters", *answer.parameters}}, mode,
                   console);
    }
    return answer.exit_code;
}

}  // namespace ivshmemd::ctl
