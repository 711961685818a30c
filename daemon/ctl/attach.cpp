#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/many.h"
#include "daemon/ctl/render.h"
#include "lib/size.h"

namespace ivshmemd::ctl {
namespace {

struct Arguments {
    json request = json::object();
    std::optional<std::string> size;  // as written; read when the command runs
};

void declare_options(CLI::App& app, Arguments& arguments) {
    json& request = arguments.request;
    add_device(app, request, "Name for the device, unique in the VM", vms_help);
    app.add_option_function<std::string>(
           "--size", [&arguments](const std::string& text) { arguments.size = text; },
           "Power of two, e.g. 64M (default: the region's)")
        ->type_name("SIZE");
    add_text(app, "--model", request, "model", "ivshmem-plain, ivshmem-doorbell or ivshmem")
        ->type_name("MODEL");
    add_text(app, "--role", request, "role", "master or peer (default: peer)")->type_name("ROLE");
    add_text(app, "--region", request, "region", "Region to share (default: NAME)")
        ->type_name("REGION");
    add_text(app, "--server", request, "server", "Socket of an ivshmem server, for interrupts")
        ->type_name("PATH");
    add_number(app, "--vectors", request, "vectors", "Interrupt vectors (default: the server's)");
    add_switch(app, "--msi", request, "msi", "MSI-X interrupts (default: on)");
    add_switch(app, "--ioeventfd", request, "ioeventfd", "Fast doorbells (default: as --msi)");
    add_text(app, "--bus", request, "bus", "PCI bus; see 'ivshmemctl probe VM'")->type_name("BUS");
    add_number(app, "--slot", request, "slot", "Slot on that bus");
    app.add_flag_callback(
        "--readonly", [&request] { request["readonly"] = true; }, "Drop what the guest writes");
    add_number(app, "--numa", request, "numa", "Node of the host to take the memory from");
    app.add_flag_callback(
        "--prealloc", [&request] { request["prealloc"] = true; },
        "Have QEMU touch all of the memory first");
    app.add_flag_callback(
        "--dry-run", [&request] { request["dryRun"] = true; },
        "Change nothing; print the QMP commands");
    app.footer("Example: ivshmemctl attach web shm0 --size 64M");
}

void render_commands(const json& commands, Console& console) {
    for (const json& command : commands) print_json(command, JsonMode::short_, console);
}

void render_result(const json& reply, const json& request, Console& console) {
    const json* device = find(reply, "device");
    const std::string what = printable(text_field(&request, "name"));
    const std::string where = printable(text_field(&request, "vm"));
    const std::string summary = ": " + device_summary(device) + "\n";
    if (!flag_field(&reply, "changed")) {
        console.out << "already attached " << what << " to " << where << summary;
    } else {
        console.out << "attached " << what << " to " << where << summary;
    }
}

void render_attach(const json& reply, const json& request, Console& console) {
    const json* commands = as_array(find(reply, "commands"));
    if (commands != nullptr && !commands->empty()) {
        render_commands(*commands, console);
    } else if (!flag_field(&request, "dryRun")) {
        render_result(reply, request, console);
    } else {
        print_message("nothing to do, already attached: " + device_summary(find(reply, "device")),
                      console);
    }
}

void tell_warning(const json& reply, Console& console) {
    const std::string warning = text_field(&reply, "warning");
    if (!warning.empty()) print_message("warning: " + warning, console);
}

// The device is there, as was asked for, and yet not what somebody who attaches it hopes for.
void warn_of_lost_relay(const json& reply, const json& request, Console& console) {
    if (!flag_field(find(reply, "device"), "relayLost")) return;
    const std::string device = text_field(&request, "vm") + " " + text_field(&request, "name");
    print_message(
        "its relay is lost: it is cut off from its doorbell server, and peers that come now do not "
        "reach it; with the server running, 'ivshmemctl detach " +
            device + "' and this attach once more join the server again",
        console);
}

int run_attach(const Arguments& arguments, Session& session) {
    json request(arguments.request);
    if (!split_device(request)) {
        return print_error(usage_error("NAME is required; see 'ivshmemctl attach --help'"),
                           session.json_mode(), session.console());
    }
    if (arguments.size) {
        const Result<std::uint64_t> size = parse_region_size(*arguments.size);
        if (!size) {
            return print_error(client_error(size.error()), session.json_mode(), session.console());
        }
        request["size"] = *size;
    }
    if (split_vms(request)) return run_attach_many(request, session);
    Wait wait;
    wait.changes_something = !flag_field(&request, "dryRun");
    const Answer answer = session.call("Attach", request, "attaching the device", wait);
    return session.finish(answer, [&request](const json& reply, Console& console) {
        render_attach(reply, request, console);
        tell_warning(reply, console);
        warn_of_lost_relay(reply, request, console);
    });
}

}  // namespace

Runner declare_attach(CLI::App& app) {
    const auto arguments = std::make_shared<Arguments>();
    declare_options(app, *arguments);
    return [arguments](Session& session) { return run_attach(*arguments, session); };
}

}  // namespace ivshmemd::ctl
