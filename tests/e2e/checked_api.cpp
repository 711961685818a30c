#include "tests/e2e/checked_api.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "proto/varlink/idl_parser.h"
#include "proto/varlink/type_check.h"
#include "tests/support/json_text.h"

namespace ivshmemd::test {
namespace {

using nlohmann::json;

const std::string our_prefix = "io.ivshmemd.Hotplug.";
const std::string standard_prefix = "org.varlink.service.";

const varlink::Interface& published() {
    static const auto parsed = [] {
        std::ifstream file(IVSHMEMD_SOURCE_DIR "/proto/io.ivshmemd.Hotplug.varlink");
        return varlink::parse_interface(std::string(std::istreambuf_iterator<char>(file), {}));
    }();
    if (!parsed) throw std::runtime_error(parsed.error().message);
    return *parsed;
}

/// The method behind a command of ivshmemctl; "" when its output is no reply.
std::string method_of(const std::vector<std::string>& arguments) {
    static const std::map<std::string, std::string> methods{
        {"vms", "ListVms"},         {"probe", "Probe"},         {"attach", "Attach"},
        {"detach", "Detach"},       {"list", "ListDevices"},    {"show", "ListDevices"},
        {"regions", "ListRegions"}, {"region", "RemoveRegion"}, {"can-migrate", "CheckMigration"},
        {"migrate", "Migrate"},     {"replug", "Replug"},       {"qemu-args", "QemuArguments"},
        {"apply", "Apply"}};
    const bool many = arguments.size() > 1 && arguments[1].find(',') != std::string::npos;
    if (many && arguments.front() == "attach") return "AttachMany";
    if (many && arguments.front() == "detach") return "DetachMany";
    if (arguments.front() == "replug" && arguments.back() == "--forget") return "Forget";
    const auto found = methods.find(arguments.front());
    return found == methods.end() ? "" : found->second;
}

/// Reads what the daemon told the service manager, whose queue is short, as a real one would.
void drain(NotifySocket& notify) {
    notify.wait_line("nothing begins like this", Deadline::after(std::chrono::milliseconds(0)));
    notify.forget();
}

void check_error(const std::string& qualified, const json& parameters) {
    if (qualified == standard_prefix + "InvalidParameter") {
        EXPECT_TRUE(member(parameters, "parameter").is_string()) << parameters;
    }
    if (qualified.starts_with(standard_prefix)) return;
    ASSERT_TRUE(qualified.starts_with(our_prefix)) << "error of no known interface: " << qualified;
    const auto* error =
        varlink::find_error(published(), std::string_view(qualified).substr(our_prefix.size()));
    ASSERT_TRUE(error) << qualified << " is not published";
    const auto offence = varlink::check(published(), error->parameters, parameters);
    EXPECT_FALSE(offence) << qualified << ", " << *offence << ": " << parameters;
    if (parameters.is_object()) {
        EXPECT_NE(parameters.value("message", ""), "") << qualified << " says nothing";
    }
}

}  // namespace

void check_reply(const std::string& method, const json& reply) {
    SCOPED_TRACE(method);
    json parameters(member(reply, "parameters"));
    if (parameters.is_null()) parameters = json::object();
    const json error(member(reply, "error"));
    if (error.is_string()) return check_error(error.get<std::string>(), parameters);
    const auto* declared = varlink::find_method(published(), method);
    ASSERT_TRUE(declared) << "no such method";
    const auto offence = varlink::check(published(), declared->out, parameters);
    EXPECT_FALSE(offence) << *offence << ": " << parameters;
}

std::string error_of(const json& reply) {
    const json error(member(reply, "error"));
    if (!error.is_string()) return "";
    const auto name = error.get<std::string>();
    return name.starts_with(our_prefix) ? name.substr(our_prefix.size()) : name;
}

json call_api(DaemonProcess& daemon, const std::string& method, const json& parameters,
              Deadline deadline) {
    drain(daemon.notify());
    json reply(daemon.varlink(method, parameters, deadline));
    check_reply(method, reply);
    return reply;
}

CtlResult run_ctl(DaemonProcess& daemon, const std::vector<std::string>& arguments,
                  Deadline deadline) {
    drain(daemon.notify());
    CtlResult result = daemon.ctl(arguments, deadline);
    const std::string method = method_of(arguments);
    if (method.empty()) return result;
    const json answer(result.json());
    const std::string error = error_of(answer);
    if (error.empty()) {
        check_reply(method, {{"parameters", answer}});
    } else if (result.exit_code != 2 || varlink::find_error(published(), error)) {
        // A wrong command line is nothing the interface knows of.
        const std::string prefix = error.find('.') == std::string::npos ? our_prefix : "";
        check_reply(method, {{"error", prefix + error}, {"parameters", answer["parameters"]}});
    }
    return result;
}

json list_devices(DaemonProcess& daemon, const std::string& vm) {
    const json reply(call_api(daemon, "ListDevices", {{"vm", vm}}));
    EXPECT_EQ(error_of(reply), "") << reply;
    return member(member(reply, "parameters"), "devices");
}

json find_device(DaemonProcess& daemon, const std::string& vm, const std::string& name) {
    for (const json& device : list_devices(daemon, vm)) {
        if (member(device, "name") == name) return device;
    }
    return nullptr;
}

json find_vm(DaemonProcess& daemon, const std::string& vm) {
    const json reply(call_api(daemon, "ListVms", json::object()));
    for (const json& row : member(member(reply, "parameters"), "vms")) {
        if (member(row, "name") == vm) return row;
    }
    return nullptr;
}

json expect_ctl_error(DaemonProcess& daemon, const std::vector<std::string>& arguments,
                      int exit_code, const std::string& error) {
    SCOPED_TRACE("ivshmemctl " + testing::PrintToString(arguments));
    const CtlResult result = run_ctl(daemon, arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.out << result.err;
    EXPECT_NE(result.err, "") << "nothing for people";
    const json answer(result.json());
    EXPECT_EQ(error_of(answer), error) << result.out;
    return member(answer, "parameters");
}

json expect_ctl_success(DaemonProcess& daemon, const std::vector<std::string>& arguments,
                        Deadline deadline) {
    SCOPED_TRACE("ivshmemctl " + testing::PrintToString(arguments));
    const CtlResult result = run_ctl(daemon, arguments, deadline);
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    json answer(result.json());
    EXPECT_EQ(error_of(answer), "") << result.out;
    return answer;
}

}  // namespace ivshmemd::test
