#include "daemon/ctl/render.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/ctl/console.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/table.h"
#include "lib/next_start.h"
#include "proto/json.h"

namespace ivshmemd::ctl {
namespace {

Cell vm_state(const json& vm) {
    const std::string state = text_field(&vm, "state");
    if (state == "connected") return {state, Tone::good};
    if (state == "connecting" || state == "busy") return {state, Tone::warn};
    return {state, Tone::bad};
}

Cell device_state(const json& device) {
    const std::string state = text_field(&device, "state");
    if (state == "leaked") return {state, Tone::bad};
    if (state == "attached") return {state, flag_field(&device, "stale") ? Tone::warn : Tone::good};
    return {state, Tone::warn};
}

// Where the memory comes from: a server's path tells itself apart by its slash.
std::string memory_source(const json& device) {
    const std::string region = text_field(&device, "region");
    return region.empty() ? text_field(&device, "server") : region;
}

// Not the beginning of its file.
bool is_window(const json& device) {
    const std::string offset = text_field(&device, "offset");
    return !offset.empty() && offset != "0";
}

Cell notes(const json& device) {
    std::string text;
    const auto note = [&text](bool applies, std::string_view words) {
        if (!applies) return;
        if (!text.empty()) text += ", ";
        text += words;
    };
    const bool stale = flag_field(&device, "stale");
    const bool relay_lost = flag_field(&device, "relayLost");
    note(stale, "stale");
    note(text_field(&device, "origin") == "foreign", "foreign");
    note(flag_field(&device, "blocksMigration"), "blocks migration");
    note(relay_lost, "relay lost");
    const std::string waiting = text_field(&device, "peersWaiting");
    note(!waiting.empty(), waiting + " peers waiting");
    const std::string sharing = text_field(&device, "sharing");
    note(sharing == "private", "private");
    note(sharing == "unverified", "sharing unverified");
    note(flag_field(&device, "readonly"), "readonly");
    note(is_window(device), "from " + size_field(&device, "offset"));
    const bool warns = stale || relay_lost || !waiting.empty();
    return {text, warns ? Tone::warn : Tone::plain};
}

std::vector<Cell> device_row(const json& device) {
    return {{text_field(&device, "vm")},
            {text_field(&device, "name")},
            {model_field(&device, "model")},
            {text_field(&device, "role")},
            {size_field(&device, "size")},
            {memory_source(device)},
            {text_field(&device, "bus")},
            {text_field(&device, "slot")},
            device_state(device),
            notes(device)};
}

Cell yes_no(const json& device, std::string_view key, Tone when_true) {
    return {text_field(&device, key), flag_field(&device, key) ? when_true : Tone::plain};
}

std::vector<std::pair<std::string, Cell>> device_fields(const json& device) {
    std::vector<std::pair<std::string, Cell>> fields{
        {"name", {text_field(&device, "name")}},
        {"vm", {text_field(&device, "vm")}},
        {"state", device_state(device)},
        {"stale", yes_no(device, "stale", Tone::warn)},
        {"origin", {text_field(&device, "origin")}},
        {"model", {model_field(&device, "model")}},
        {"role", {text_field(&device, "role")}},
        {"blocks migration", yes_no(device, "blocksMigration", Tone::plain)},
        {"size", {size_field(&device, "size")}},
        {"region", {text_field(&device, "region")}},
        {"server", {text_field(&device, "server")}},
        {"vectors", {text_field(&device, "vectors")}},
        {"msi", {text_field(&device, "msi")}},
        {"ioeventfd", {text_field(&device, "ioeventfd")}},
        {"interrupts", {text_field(&device, "interrupts")}},
        {"sharing", {text_field(&device, "sharing")}},
        {"offset in its file", {is_window(device) ? size_field(&device, "offset") : ""}},
        {"readonly", {text_field(&device, "readonly")}},
        {"memory at", {text_field(&device, "memoryPath")}},
        {"memory backend", {text_field(&device, "backend")}},
        {"memory sealed", {text_field(&device, "memorySealed")}},
        {"relay lost", yes_no(device, "relayLost", Tone::warn)},
        {"peers waiting", {text_field(&device, "peersWaiting"), Tone::warn}},
        {"bus", {text_field(&device, "bus")}},
        {"slot", {text_field(&device, "slot")}},
        {"guest address", {text_field(&device, "guestAddress")}},
        {"mapped by guest", {text_field(&device, "guestMapped")}},
        {"QOM path", {text_field(&device, "qomPath")}}};
    // What the API leaves out does not apply to this device.
    std::erase_if(fields, [](const auto& field) { return field.second.text.empty(); });
    return fields;
}

// Why it is not connected, and what it lacks.
std::string vm_errors(const json& vm) {
    std::string errors = text_field(&vm, "lastError");
    for (const json& each : list_field(vm, "declaredFailures")) {
        errors += (errors.empty() ? "" : "; ") + text_field(&each, "device") + ": " +
                  text_field(&each, "message");
    }
    return errors;
}

}  // namespace

void render_vms(const json& reply, Console& console) {
    const json& vms = list_field(reply, "vms");
    const bool errors =
        std::any_of(vms.begin(), vms.end(), [](const json& vm) { return !vm_errors(vm).empty(); });
    std::vector<std::string> headers{"NAME",    "STATE", "RUN-STATE", "QEMU",
                                     "MACHINE", "PID",   "DEVICES"};
    if (errors) headers.emplace_back("ERROR");
    Table table(headers);
    for (const json& vm : vms) {
        table.add({{text_field(&vm, "name")},
                   vm_state(vm),
                   {text_field(&vm, "runState")},
                   {text_field(&vm, "qemuVersion")},
                   {text_field(&vm, "machineType")},
                   {text_field(&vm, "pid")},
                   {text_field(&vm, "deviceCount")},
                   {vm_errors(vm)}});
    }
    if (!vms.empty()) table.print(console);
    print_legend(console, vms.size(), "VM",
                 "Start the daemon with --vm NAME=SOCKET, or put NAME.qmp into its --vm-dir.");
}

void render_capabilities(const json& reply, Console& console) {
    const json* capabilities = find(reply, "capabilities");
    print_fields(console,
                 {{"QEMU version", {text_field(capabilities, "qemuVersion")}},
                  {"machine type", {text_field(capabilities, "machineType")}},
                  {"models", {model_field(capabilities, "models")}},
                  {"default model", {model_field(capabilities, "defaultModel")}},
                  {"model with a server", {model_field(capabilities, "defaultModelWithServer")}},
                  {"probe method", {text_field(capabilities, "probeMethod")}}});
    const json* buses = as_array(find(capabilities, "buses"));
    if (buses == nullptr) return;
    if (buses->empty()) {
        console.out << "\nNo bus: " << no_pci_bus << "; " << use_pci_machine << ".\n";
        return;
    }
    Table table({"BUS", "KIND", "HOTPLUG", "FREE-SLOTS", "NOTES"});
    for (const json& bus : *buses) {
        const bool hotplug = flag_field(&bus, "hotpluggable");
        table.add({{text_field(&bus, "name")},
                   {text_field(&bus, "kind")},
                   {text_field(&bus, "hotpluggable"), hotplug ? Tone::good : Tone::plain},
                   {ranges_field(&bus, find(bus, "usable") ? "usable" : "freeSlots")},
                   {text_field(&bus, "reason")}});
    }
    console.out << '\n';
    table.print(console);
}

void render_devices(const json& reply, Console& console) {
    const json& devices = list_field(reply, "devices");
    Table table({"VM", "NAME", "MODEL", "ROLE", "SIZE", "REGION", "BUS", "SLOT", "STATE", "NOTES"});
    for (const json& device : devices) table.add(device_row(device));
    if (!devices.empty()) table.print(console);
    print_legend(console, devices.size(), "device", "See 'ivshmemctl attach --help'.");
}

void render_device_details(const json& reply, Console& console) {
    bool first = true;
    for (const json& device : list_field(reply, "devices")) {
        if (!first) console.out << '\n';
        first = false;
        print_fields(console, device_fields(device));
    }
}

std::string device_summary(const json* device) {
    const std::string bus = text_field(device, "bus");
    const std::string region = text_field(device, "region");
    const std::string server = text_field(device, "server");
    std::string text = model_field(device, "model") + ", " + text_field(device, "role");
    if (!bus.empty()) text += ", " + bus + " slot " + text_field(device, "slot");
    if (!region.empty()) text += ", region " + region;
    if (!server.empty()) text += ", server " + server;
    return printable(text + ", " + size_field(device, "size"));
}

}  // namespace ivshmemd::ctl
