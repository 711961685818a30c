#include "lib/equality.h"

#include "lib/size.h"

namespace ivshmemd {
namespace {

template <class T, class U>
bool differs(const std::optional<T>& asked, const U& there) {
    return asked && !(*asked == there);
}

}  // namespace

std::string difference(const DeviceRequest& request, const DeviceSpec& there) {
    if (differs(request.model, there.model)) return "model " + std::string(qom_type(there.model));
    if (request.role.value_or(Role::peer) != there.role) {
        return "role " + std::string(role_name(there.role));
    }
    // That of a server's memory may not be known before firmware has seen the device.
    const bool knows_size = there.size != 0 || !there.server;
    if (knows_size && differs(request.size, there.size)) return "size " + format_size(there.size);
    const bool has_region = request.region || !there.server;
    if (has_region && request.region.value_or(request.name) != there.region) {
        return "region " + there.region.value_or("none");
    }
    if (request.server != there.server) return "server " + there.server.value_or("none");
    if (there.server) {
        const bool msi = request.msi.value_or(true);
        if (differs(request.vectors, there.vectors.value_or(1))) return "other vectors";
        if (msi != there.msi.value_or(true)) return "another msi";
        if (request.ioeventfd.value_or(msi) != there.ioeventfd.value_or(msi)) {
            return "another ioeventfd";
        }
    }
    if (request.readonly.value_or(false) != there.readonly) {
        return there.readonly ? "readonly memory" : "memory that can be written to";
    }
    if (differs(request.numa, there.numa)) {
        return there.numa ? "memory of node " + std::to_string(*there.numa) : "memory of any node";
    }
    if (differs(request.prealloc, there.prealloc)) return "another prealloc";
    if (differs(request.bus, there.bus)) return "bus " + there.bus;
    if (differs(request.slot, there.slot)) return "slot " + std::to_string(there.slot);
    return "";
}

Result<void> check_equal(const DeviceRequest& request, const DeviceSpec& existing) {
    const std::string what = difference(request, existing);
    if (what.empty()) return {};
    return Error(ErrorKind::device_exists, "device " + request.name + " exists with " + what +
                                               "; detach it first, or use another name");
}

}  // namespace ivshmemd
