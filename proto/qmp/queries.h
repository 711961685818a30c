#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/address_range.h"
#include "proto/json.h"
#include "proto/qmp/command.h"

// Questions that change nothing, and how their answers are read. A reader answers nothing for a
// reply that is not of the expected form, and never throws.

namespace ivshmemd::qmp {

/// One property of a QOM object, as qom-list shows it.
struct QomEntry {
    std::string name;
    std::string type;  // "child<ivshmem-plain>", "link<bus>", "bool", ...

    /// The child's type, e.g. "ivshmem-plain"; empty for anything else.
    std::string_view child_type() const;
};

/// The name at the end of a QOM path.
std::string last_part(const std::string& path);

Command qom_list(std::string_view path);
std::vector<QomEntry> read_qom_list(const json* reply);

/// A number of bytes. Nothing for one that no integer of the API holds: no memory is that large.
std::optional<std::uint64_t> read_size(const json* reply);

/// The property "addr" of a PCI device: its slot, times 8, and its function. Nothing for what is no
/// place on a bus, such as the -1 of a device that has none yet.
std::optional<int> read_devfn(const json* reply);

Command qom_get(std::string_view path, std::string_view property);

/// The models of the ivshmem family. Makes QEMU load all of its modules on first use.
Command list_ivshmem_types();
std::vector<std::string> read_type_names(const json* reply);

/// Whether QEMU has this device type; an error says no. Loads nothing.
Command list_device_properties(std::string_view type);

Command query_status();
/// "running", "paused", "prelaunch", ...
std::optional<std::string> read_run_state(const json* reply);

/// The VM's UUID; all zeros when its command line gave none, empty when the reply is no answer.
Command query_uuid();
std::string read_uuid(const json* reply);

/// Whether the kernel runs the guest.
Command query_kvm();
bool read_kvm_enabled(const json* reply);

/// Whether a command was refused in these words because QEMU was started with -preconfig and has
/// made no machine yet.
bool says_no_machine(std::string_view description);

/// Whether a RAM block of this backend is registered, as HMP's `info ramblock` shows them: QEMU
/// aborts when a second one of that name and slot comes, and keeps the first for a while after
/// object-del.
Command list_ram_blocks();
bool mentions_backend(const json* reply, std::string_view backend_id);

/// Labels of query-chardev.
std::vector<std::string> read_chardev_labels(const json* reply);

/// The path in the `addr` of a socket chardev: of a client's own socket, or the name a passed
/// descriptor was given. Nothing when it is no path.
std::optional<std::string> read_server_path(const json* reply);

/// A PCI function as query-pci shows it.
struct PciFunction {
    std::string qdev_id;  // empty for devices without an id
    int bus = 0;          // the guest's number; behind a bridge 0 until firmware has numbered it
    int slot = 0;
    int function = 0;
    bool bridge = false;
    int secondary = 0;    // bridge: its bus; 0 before firmware
    int subordinate = 0;  // bridge: the last of the buses behind it
    // Of a bridge; empty while closed.
    AddressRange prefetch_window{1, 0};
    AddressRange memory_window{1, 0};
    std::vector<AddressRange> bars;  // those in memory that have an address
    std::optional<std::uint64_t> bar2_size;
    bool bar2_mapped = false;  // the guest gave BAR 2 an address
};

/// All functions, those behind bridges included.
std::vector<PciFunction> read_pci(const json* reply);

}  // namespace ivshmemd::qmp
