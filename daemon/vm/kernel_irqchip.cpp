#include <algorithm>

#include "daemon/vm/command_line.h"
#include "daemon/vm/identity.h"

// What a command line says of who delivers interrupts.
namespace ivshmemd {
namespace {

// The value of kernel-irqchip among the properties of one option; the last one counts, and empty
// when there is none. Machines know it with an underscore too, and old ones by "no" for off.
std::string irqchip_in(const std::vector<std::string>& properties) {
    std::string value;
    for (std::string each : properties) {
        std::string given = "on";
        const std::size_t equals = each.find('=');
        if (equals != std::string::npos) given = each.substr(equals + 1);
        each.resize(std::min(equals, each.size()));
        std::replace(each.begin(), each.end(), '_', '-');
        if (each == "kernel-irqchip") value = given;
        if (each == "nokernel-irqchip") value = "off";
    }
    return value;
}

bool is_for_kvm(const std::vector<std::string>& properties) {
    return properties.front() == "kvm" || properties.front() == "accel=kvm";
}

}  // namespace

bool is_without_kernel_irqchip(const Identity& identity) {
    const std::vector<std::string>& arguments = identity.command_line;
    std::string machine;  // of several options the last one counts
    std::string accel;    // of several the first one, and more than what the machine's say
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string option = long_option(arguments[i]);
        if (option == "-no-kvm-irqchip") machine = "off";
        const bool of_machine = option == "-machine" || option == "-M";
        if ((!of_machine && option != "-accel") || i + 1 == arguments.size()) continue;
        const std::vector<std::string> properties = split_options(arguments[++i]);
        const std::string value = irqchip_in(properties);
        if (of_machine && !value.empty()) machine = value;
        if (!of_machine && accel.empty() && is_for_kvm(properties)) accel = value;
    }
    return (accel.empty() ? machine : accel) == "off";
}

}  // namespace ivshmemd
