#include "daemon/ctl/hold_words.h"

#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"
#include "daemon/ctl/output.h"

namespace ivshmemd::ctl {

std::string names_of(const json& devices) {
    std::string names;
    for (const json& device : devices) {
        names += (names.empty() ? "" : ", ") + text_field(&device, "name");
    }
    return names;
}

void tell_release(const Answer& answer, const std::string& vm, Console& console) {
    if (answer.exit_code == exit_interrupted) {
        print_message("stopped waiting; what was taken out of " + vm +
                          " comes back by itself; see 'ivshmemctl list " + vm + "'",
                      console);
        return;
    }
    if (!answer) return print_message(answer.message, console);
    const std::string out = names_of(list_field(*answer.parameters, "out"));
    if (out.empty()) return;
    if (text_field(answer.parameters.get(), "result") == "left") {
        print_message("VM " + vm + " has left without " + out +
                          "; where it runs now, 'ivshmemctl "
                          "replug' plugs in what this daemon keeps in mind; see 'ivshmemctl list'",
                      console);
    } else {
        print_message("not plugged in again: " + text_field(answer.parameters.get(), "message") +
                          "; 'ivshmemctl replug " + vm + "' tries again",
                      console);
    }
}

void tell_warnings(const json& taken, Console& console) {
    for (const json& warning : list_field(taken, "warnings")) {
        const std::string device = text_field(&warning, "device");
        print_message(
            "warning: " + (device.empty() ? "" : device + ": ") + text_field(&warning, "text"),
            console);
    }
}

}  // namespace ivshmemd::ctl
