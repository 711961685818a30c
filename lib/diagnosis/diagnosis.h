#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lib/capabilities.h"
#include "lib/device.h"
#include "lib/hold.h"
#include "lib/inventory.h"
#include "lib/migration/masters.h"
#include "lib/place.h"
#include "lib/region.h"
#include "lib/vm_state.h"

namespace ivshmemd {

/// What can be found.
enum class FindingKind {
    vm_unreachable,      // nothing listens on the monitor's socket
    vm_unresponsive,     // QEMU has stopped answering
    monitor_held,        // somebody else is connected to the monitor
    no_model,            // the QEMU has no ivshmem device at all
    legacy_only,         // it has the legacy one alone
    qemu_too_old,        // its devices cannot be changed
    no_free_slot,        // no room for another device
    few_free_slots,      // room for very few more
    few_descriptors,     // its QEMU will run out of file descriptors
    small_window,        // the free ports take small regions only
    no_vms,              // this daemon looks after none
    detach_pending,      // the guest has not let go of a device for long
    never_mapped,        // the running guest has not taken a device up
    backend_leaked,      // QEMU will not give up a memory backend
    relay_lost,          // a device is cut off from its doorbell server
    declared_failed,     // a device is not as the configuration declares it
    region_owner,        // of a user who is not trusted, or not ours any more
    region_mode,         // lets too many in, or too few
    region_size,         // another than its devices have
    region_sparse,       // not all of its memory is reserved
    region_missing,      // the file is gone while a device maps it
    region_split,        // a device maps another file than the one at the path
    mapping_unknown,     // whether it does cannot be told
    region_unused,       // made by this daemon, and no device uses it
    private_memory,      // a device maps a copy of its own
    discarded_memory,    // QEMU empties the file when it ends
    devices_out,         // a client had them taken out, and only replug brings them back
    two_masters,         // several devices would each carry the same memory along in a migration
    migration_settings,  // as QEMU is told to migrate, a master's content does not arrive
    libvirt_unaware,     // has devices that libvirt, which manages it, does not know of
    place_unusable,  // regions cannot be made in a configured directory, or a device is not seen
};

enum class FindingSeverity {
    problem,  // something does not work, or can kill a VM
    warning,  // it works, and something will not
    note,     // to know, and perhaps to tidy up
};

/// Something that is wrong or worth knowing, and what to do about it.
struct Finding {
    FindingKind kind = FindingKind::vm_unreachable;
    FindingSeverity severity = FindingSeverity::problem;
    std::optional<std::string> vm;
    std::optional<std::string> device;
    std::optional<std::string> region;
    std::string text;  // for people
    std::string mend;  // the command, or the steps

    bool operator==(const Finding&) const = default;
};

/// The API's words: "vmUnreachable" and so on; "problem", "warning" or "note".
std::string_view finding_kind_name(FindingKind kind);
std::string_view finding_severity_name(FindingSeverity severity);

/// A device with what the host says about its memory.
struct DeviceFacts {
    Device device;
    std::string memory_path;      // empty when it has none that can be told
    bool memory_missing = false;  // nothing is at that path
    PathMatch match = PathMatch::unknown;
    bool discarded = false;                         // QEMU empties its file when it ends
    std::optional<std::chrono::seconds> detaching;  // since its removal was asked for
};

/// A VM with what the host says about its QEMU.
struct VmFacts {
    std::string name;
    std::string qmp_socket;
    VmState state = VmState::connected;
    std::optional<std::string> last_error;
    bool held_by_bridge = false;  // busy because a bridge says so
    std::string run_state;
    uid_t qemu_user = 0;
    std::optional<pid_t> pid;
    std::optional<Capabilities> capabilities;
    std::vector<Bus> buses;
    std::optional<std::size_t> descriptors;  // that its QEMU has in use; none where /proc is silent
    std::size_t descriptor_limit = 0;
    std::vector<DeviceFacts> devices;
    std::map<std::string, std::string> declared_failures;  // by device, and why
    std::optional<MigrationSettings> migration;            // none where it was not asked
};

/// Everything a diagnosis goes by.
struct HostFacts {
    std::vector<VmFacts> vms;
    std::vector<Region> regions;
    std::vector<HoldNote> holds;    // of clients
    std::vector<Place> places;      // where regions can be
    std::set<std::string> awaited;  // paths of regions whose device is yet to come, or to come back
    uid_t daemon = 0;
    std::string daemon_user;  // the name of that user
    std::set<uid_t> trusted_users;
};

/// All findings, the gravest first and otherwise by VM and region. With `only`, those of this VM
/// and of the regions it uses; regions that nobody uses, and places of regions, are no VM's.
std::vector<Finding> diagnose(const HostFacts& facts,
                              const std::optional<std::string>& only = std::nullopt);

}  // namespace ivshmemd
