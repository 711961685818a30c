#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/device.h"
#include "lib/migration/masters.h"
#include "lib/reason.h"
#include "lib/result.h"

namespace ivshmemd {

/// Where a QEMU waits for a migration: a path, or a host and a port.
struct ListenAddress {
    std::string path;
    std::string host;
    std::string port;

    bool operator==(const ListenAddress&) const = default;
};

/// What query-migrate tells, and the settings.
struct MigrationFacts {
    std::string status;                // QEMU's word; empty while none was ever started
    std::string error;                 // why it failed; often empty
    std::vector<std::string> blocked;  // blocked-reasons; never there up to 5.2
    std::vector<ListenAddress> listens;
    std::uint64_t transferred = 0;  // bytes
    std::uint64_t remaining = 0;    // bytes
    double megabits_per_second = 0;
    std::int64_t downtime = 0;     // ms, as expected
    MigrationSettings settings{};  // from other questions
};

/// Whether a QEMU in this status refuses hotplug because of its migration. A destination that only
/// listens does not.
bool is_migrating(std::string_view status, std::string_view run_state);

/// Whether nothing more will come of a migration in this status.
bool is_ended(std::string_view status);

/// A device of another VM that uses the memory of one of this VM's masters.
struct RegionSharer {
    std::string master;  // name of the device here
    std::string region;
    std::string user;  // "VM/NAME" of the one there
};

struct MigrationVerdict {
    std::vector<Reason> reasons;

    /// Whether nothing blocks.
    bool allowed() const;
};

/// Everything that stands against migrating a VM with these devices. Our own rules name each
/// device; QEMU's words, which name none, follow, each once.
MigrationVerdict judge_migration(const std::vector<Device>& devices, const MigrationFacts& facts,
                                 std::string_view run_state,
                                 const std::vector<RegionSharer>& sharers,
                                 const Capabilities& qemu);

struct MigrationWishes {
    bool detach_peers = false;
    bool force = false;
};

/// The reasons that stand in the way of a migrate with these wishes: managed peers do not where
/// they are taken out first, warnings do not by force.
std::vector<Reason> remaining_reasons(const MigrationVerdict& verdict,
                                      const std::vector<Device>& devices,
                                      const MigrationWishes& wishes);

/// MigrationBlocked: the message tells of `remaining`, the details carry all of the verdict.
Error migration_blocked(const std::string& vm, const MigrationVerdict& verdict,
                        const std::vector<Reason>& remaining);

/// A migration's destination: "tcp:host:port" or "unix:path". InvalidParameter for anything else:
/// "exec:", for one, would run commands as QEMU's user.
Result<ListenAddress> parse_migration_uri(std::string_view uri);

/// Whether a QEMU that listens there would be reached by this address. A port alone says nothing
/// about another host: then `same_vm` decides.
bool reaches(const ListenAddress& target, const ListenAddress& listener, bool same_vm);

}  // namespace ivshmemd
