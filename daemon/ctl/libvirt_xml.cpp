#include "daemon/ctl/libvirt_xml.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "daemon/ctl/arguments.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/only_vm.h"
#include "lib/names.h"
#include "proto/json.h"

namespace ivshmemd::ctl {
namespace {

std::string xml_text(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
        switch (c) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '\'':
                escaped += "&apos;";
                break;
            default:
                escaped += c;
        }
    }
    return escaped;
}

// In QEMU's options a comma is written twice.
std::string option_text(const std::string& text) {
    std::string doubled;
    for (const char c : text) doubled += c == ',' ? std::string(2, ',') : std::string(1, c);
    return doubled;
}

// QEMU reads a device's address as hexadecimal.
std::string address_of_slot(const json& device) {
    static constexpr char hex[] = "0123456789abcdef";
    const auto slot = static_cast<unsigned>(as_uint(find(device, "slot")).value_or(0));
    return std::string("0x") + hex[(slot >> 4) & 15] + hex[slot & 15];
}

std::string argument(const std::string& text) {
    return "  <qemu:arg value='" + xml_text(text) + "'/>\n";
}

std::string memory_arguments(const json& device, const std::string& name) {
    const std::string usual = backend_id(name);
    const std::string unusual = text_field(&device, "backend");
    const std::string& memory = unusual.empty() ? usual : unusual;
    std::string object = "memory-backend-file,id=" + memory +
                         ",size=" + std::to_string(as_uint(find(device, "size")).value_or(0)) +
                         ",mem-path=" + option_text(text_field(&device, "memoryPath")) +
                         ",share=on";
    if (flag_field(&device, "readonly")) object += ",readonly=on";
    if (flag_field(&device, "prealloc")) object += ",prealloc=on";
    const std::string master = text_field(&device, "role") == "master" ? "on" : "off";
    const std::string plug =
        "ivshmem-plain,id=" + device_id(name) + ",memdev=" + memory + ",master=" + master +
        ",bus=" + option_text(text_field(&device, "bus")) + ",addr=" + address_of_slot(device);
    return argument("-object") + argument(object) + argument("-device") + argument(plug);
}

// A descriptor of a process is none: that of another QEMU is another file, or nothing.
bool has_name(const json& device) {
    const std::string path = text_field(&device, "memoryPath");
    return !path.empty() && !path.starts_with("/proc/");
}

// Why a device cannot be permanent; empty when it can.
std::string obstacle_to(const json& device) {
    if (text_field(&device, "origin") != "managed") return "it is not ours";
    if (!text_field(&device, "server").empty() ||
        text_field(&device, "model") == "ivshmem_doorbell") {
        return "no QEMU that talks to a doorbell server itself survives peers that leave; attach "
               "it whenever the VM runs, or declare it in ivshmemd.toml, which does so";
    }
    if (text_field(&device, "model") != "ivshmem_plain") return "it is of the legacy model";
    return has_name(device) ? "" : "its memory is no file that can be told";
}

int print_libvirt_xml(json& request, Session& session) {
    const Answer found = default_to_only_vm(request, session);
    if (!found) return print_error(found, session.json_mode(), session.console());
    const std::string vm = text_field(&request, "vm");
    const Answer answer = session.call("ListDevices", request, "listing devices of " + vm);
    return session.finish(answer, [&](const json& reply, Console& console) {
        std::vector<LeftOut> left_out;
        console.out << libvirt_xml(list_field(reply, "devices"), left_out);
        for (const LeftOut& each : left_out) {
            print_message(each.device + " is left out: " + each.why, console);
        }
    });
}

}  // namespace

std::string libvirt_xml(const json& devices, std::vector<LeftOut>& left_out) {
    std::string arguments;
    for (const json& device : devices) {
        const std::string name = text_field(&device, "name");
        const std::string obstacle = obstacle_to(device);
        if (obstacle.empty()) {
            arguments += memory_arguments(device, name);
        } else {
            left_out.push_back({name, obstacle});
        }
    }
    if (arguments.empty()) return "";
    return "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n" +
           arguments + "</qemu:commandline>\n";
}

Runner declare_libvirt_xml(CLI::App& app) {
    const auto request = std::make_shared<json>(json::object());
    add_text(app, "VM", *request, "vm", "Name of the VM (default: the only one)");
    app.footer(R"(For virsh edit: <qemu:commandline> goes below <domain>.
Example: ivshmemctl libvirt-xml web)");
    return [request](Session& session) { return print_libvirt_xml(*request, session); };
}

}  // namespace ivshmemd::ctl
