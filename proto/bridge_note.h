#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ivshmemd {

/// What a bridge says of the VM behind its socket, in the file `<name>.json` beside `<name>.qmp`:
/// what a QEMU's own socket tells by itself.
struct BridgeNote {
    std::string bridge;                // which program wrote it, e.g. "ivshmemd-libvirt"
    std::string uuid;                  // of the VM
    std::string run;                   // another one for each QEMU of this VM
    std::optional<std::uint32_t> uid;  // QEMU's
    std::optional<std::uint32_t> gid;
    std::optional<std::int32_t> pid;
    std::string label{};  // what confines QEMU, as the kernel words it; empty where it is not known
    std::string held;     // why no client is served for now, e.g. "libvirt is saving"; else empty

    bool operator==(const BridgeNote&) const = default;
};

/// One line of JSON.
std::string write_bridge_note(const BridgeNote& note);

/// Nothing when it is no such note.
std::optional<BridgeNote> read_bridge_note(std::string_view text);

}  // namespace ivshmemd
