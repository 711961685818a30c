#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/mapping.h"
#include "lib/model.h"
#include "lib/role.h"

namespace ivshmemd {

/// What a caller asked for, words understood and names checked, nothing filled in.
struct DeviceRequest {
    std::string name;
    std::optional<std::uint64_t> size;  // bytes
    std::optional<Model> model;
    std::optional<Role> role;
    std::optional<std::string> region;
    std::optional<std::string> server;  // path of a doorbell server's socket
    std::optional<std::uint32_t> vectors;
    std::optional<bool> msi;
    std::optional<bool> ioeventfd;
    std::optional<std::string> bus;
    std::optional<int> slot;
    std::optional<bool> readonly{};  // what the guest writes is dropped
    std::optional<int> numa{};       // node of the host that the memory is taken from
    std::optional<bool> prealloc{};  // QEMU touches all of it before the guest has it
    std::string backend{};           // id for its memory backend; empty: the usual one

    bool operator==(const DeviceRequest&) const = default;
};

/// A device fully decided, without the VM: what a plan executes and what a later replug repeats.
struct DeviceSpec {
    std::string name;
    Model model = Model::plain;
    Role role = Role::peer;
    std::uint64_t size = 0;             // bytes
    std::optional<std::string> region;  // plain, and legacy without a server
    std::optional<std::string> server;  // doorbell, and legacy with one
    std::optional<std::uint32_t> vectors;
    std::optional<bool> msi;
    std::optional<bool> ioeventfd;
    std::string bus;
    int slot = 0;
    bool readonly = false;
    std::optional<int> numa{};
    bool prealloc = false;
    std::string backend{};  // in a plan: id of its memory backend; empty: the usual one

    bool operator==(const DeviceSpec&) const = default;
};

/// The request that makes this device again, wherever there is room.
DeviceRequest request_again(const DeviceSpec& spec);

struct Device;

/// What a plan has of a device. A migration finds its memory by the backend's id, which is told
/// where it is not the usual one.
DeviceSpec spec_to_repeat(const Device& device);

/// The id of its backend where that is not the one that a device of its name usually has.
std::optional<std::string> unusual_backend(const Device& device);

enum class Origin {
    managed,  // its QEMU id carries our prefix
    foreign,  // anybody else's
};

enum class DeviceState {
    attaching,  // a request for it is running
    attached,   // QEMU has it
    detaching,  // the guest was asked to let it go
    leaked,     // the device is gone, its backend could not be deleted
};

/// A device as it exists in a VM.
struct Device {
    DeviceSpec spec;
    std::string vm;
    std::string qom_path;
    Origin origin = Origin::foreign;
    DeviceState state = DeviceState::attached;
    std::optional<std::string> guest_address;  // "0000:01:00.0" once the guest numbered it
    bool guest_mapped = false;                 // the guest gave BAR 2 an address
    bool has_server = false;                   // even where its path cannot be told
    bool stale = false;                        // the VM is not connected; last known
    std::optional<bool> memory_sealed;         // with a server: whether its memory's size is fixed
    std::optional<bool> relay_lost;  // with a server: whether the device is cut off from it
    std::optional<std::size_t> peers_waiting;  // of a server, for which QEMU has no descriptors
    std::optional<Mapping> memory{};           // without a server
    std::string backend{};                     // id of its memory backend; empty without one
    std::string fixed;  // why it cannot be taken out while the VM runs; empty when it can
};

std::string_view origin_name(Origin origin);
std::string_view state_name(DeviceState state);

/// "none", "msix" or "intx": how the device can interrupt its guest.
std::string_view interrupts_of(const DeviceSpec& spec);

/// Whether this device keeps its VM from migrating. A device left to `auto` counts unless it has no
/// server: then QEMU makes it a master.
bool blocks_migration(const Device& device);

}  // namespace ivshmemd
