#include "lib/migration/receiver.h"

#include <array>
#include <filesystem>

#include "lib/names.h"
#include "lib/size.h"

namespace ivshmemd {
namespace {

// What is below these is another thing in each process.
constexpr std::array<std::string_view, 4> of_a_process{"/proc/", "/dev/fd/", "/dev/fdset/",
                                                       "/dev/std"};

bool is_of_a_process(const std::string& path) {
    const std::string plain = std::filesystem::path(path).lexically_normal();
    for (const std::string_view each : of_a_process) {
        if (plain.starts_with(each)) return true;
    }
    return false;
}

bool is_for_others(const std::string& path) {
    return path.starts_with('/') && !is_of_a_process(path);
}

// By what the kernel says, or the attach proved: it is at no path here.
bool is_another_file(const Mapping& mapping) {
    if (!mapping.verified || mapping.kind == Mapping::Kind::anonymous) return false;
    return mapping.path.empty() || is_nameless(mapping);
}

std::string without_a_file(const std::string& memory, const Backend& backend) {
    const std::string kind =
        backend.path.empty() ? "a " + backend.type : "in folder " + printable(backend.path);
    return memory + ", " + kind +
           ", has no file that a destination could open: attach the device anew with a region, or "
           "start the destination with a backend of its own that has the id " +
           backend.id + " and " + format_size(backend.size);
}

std::string of_this_process(const std::string& memory, const Backend& backend) {
    std::string text =
        memory + " is " + printable(backend.path) + ", which means something to that QEMU only: ";
    const std::string& path = backend.mapping.path;
    if (is_for_others(path)) {
        return text + "here it is the file " + printable(path) +
               "; start the destination with its mem-path, the id " + backend.id + " and " +
               format_size(backend.size);
    }
    return text + "start the destination with a file of its own, the id " + backend.id + " and " +
           format_size(backend.size);
}

std::string another_file(const std::string& memory, const std::string& path) {
    return memory + " is not the file that is at " + printable(path) +
           ", which was replaced or is another one where that QEMU runs: attach the device anew, "
           "or start the destination with the path that the file has there";
}

std::string only_read(const std::string& memory) {
    return memory +
           " is read-only, and a destination that is started with the same ends when content "
           "arrives for it: detach the device first and plug it in again there, or start the "
           "destination without readonly=on, where the guest can then write to it";
}

std::optional<std::string> judge_backend(const std::string& memory, const Backend& backend) {
    if (backend.path.empty() || backend.mapping.kind == Mapping::Kind::anonymous) {
        return without_a_file(memory, backend);
    }
    if (receivable_path(backend).empty()) return of_this_process(memory, backend);
    if (is_another_file(backend.mapping)) return another_file(memory, backend.path);
    if (!takes_content(backend)) return only_read(memory);
    return std::nullopt;
}

std::optional<std::string> judge_doorbell(const Device& device) {
    const std::string& name = device.spec.name;
    if (device.origin == Origin::foreign) {
        return name +
               " is not ours, and a destination that talks to its doorbell server itself does not "
               "survive peers that leave: detach it, and attach it with ivshmemctl, here or there";
    }
    if (device.spec.server) return std::nullopt;
    return "the server of " + name +
           " cannot be told: detach it, and attach it anew, here or there";
}

}  // namespace

bool has_doorbell(const InventoryDevice& device) {
    return device.device.spec.model == Model::doorbell || !device.chardev_id.empty();
}

std::optional<std::string> unreceivable(const InventoryDevice& device, const Backend* backend) {
    const DeviceSpec& spec = device.device.spec;
    const std::string memory = "the memory of " + spec.name;
    if (has_doorbell(device)) return judge_doorbell(device.device);
    if (backend) return judge_backend(memory, *backend);
    if (spec.model == Model::plain) {
        return memory + " cannot be told: start the destination with the backend that it has here";
    }
    if (is_another_file(device.mapping)) return another_file(memory, device.memory_path);
    return std::nullopt;
}

bool takes_content(const Backend& backend) {
    return !backend.read_only || (backend.mapping.verified && backend.mapping.writable);
}

std::string receivable_path(const Backend& backend) {
    if (is_for_others(backend.path)) return backend.path;
    const bool is_relative = !backend.path.starts_with('/');
    return is_relative && is_for_others(backend.mapping.path) ? backend.mapping.path : "";
}

}  // namespace ivshmemd
