#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/table.h"

namespace ivshmemd::ctl {
namespace {

std::size_t count(const json& findings, std::string_view severity) {
    return static_cast<std::size_t>(std::count_if(
        findings.begin(), findings.end(),
        [&](const json& finding) { return text_field(&finding, "severity") == severity; }));
}

Tone tone_of(const std::string& severity) {
    if (severity == "problem") return Tone::bad;
    return severity == "warning" ? Tone::warn : Tone::plain;
}

// "web/shm0", "web", "region shm0", or "host" of what is none of these.
std::string subject_of(const json& finding) {
    const std::string vm = text_field(&finding, "vm");
    const std::string device = text_field(&finding, "device");
    const std::string region = text_field(&finding, "region");
    if (vm.empty()) return region.empty() ? "host" : "region " + region;
    return device.empty() ? vm : vm + "/" + device;
}

void render_finding(const json& finding, Console& console) {
    const std::string severity = text_field(&finding, "severity");
    print_hanging(console, {severity, tone_of(severity)},
                  ": " + subject_of(finding) + ": " + text_field(&finding, "text"), 4);
    console.out << "  ";
    print_hanging(console, {"mend"}, ": " + text_field(&finding, "mend"), 4);
}

std::string counted(std::size_t number, std::string_view noun) {
    return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

void render_findings(const json& reply, Console& console) {
    const json& findings = list_field(reply, "findings");
    for (const json& finding : findings) render_finding(finding, console);
    if (findings.empty()) {
        console.out << "Nothing is wrong.\n";
        return;
    }
    console.out << counted(count(findings, "problem"), "problem") << ", "
                << counted(count(findings, "warning"), "warning") << ", "
                << counted(count(findings, "note"), "note") << ".\n";
}

int run_doctor(const json& request, Session& session) {
    const Answer answer = session.call("Diagnose", request, "looking for what is wrong");
    const int code = session.finish(answer, render_findings);
    if (!answer) return code;
    return count(list_field(*answer.parameters, "findings"), "problem") > 0 ? exit_failure
                                                                            : exit_ok;
}

}  // namespace

Runner declare_doctor(CLI::App& app) {
    const auto request = std::make_shared<json>(json::object());
    add_text(app, "VM", *request, "vm", "Only this VM and the regions it uses");
    app.footer(
        "Changes nothing. Exits with 1 when it finds a problem; else with 0.\n"
        "Example: ivshmemctl doctor web");
    return [request](Session& session) { return run_doctor(*request, session); };
}

}  // namespace ivshmemd::ctl
