#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

// What to do when a QEMU may not open the file of a region.
namespace ivshmemd {

/// What keeps a process from files beside their owners and modes.
struct Confinement {
    enum class By { unknown, nothing, apparmor, selinux };

    By by = By::unknown;
    std::string label;  // the profile, or the context

    bool operator==(const Confinement&) const = default;
};

/// Reads a process's label as the kernel words it, such as "libvirt-UUID (enforce)" or
/// "system_u:system_r:svirt_t:s0:c1,c2". One that only complains keeps nothing away.
Confinement read_confinement(std::string_view label);

/// A file that a QEMU was not let into, and what is known of both.
struct DeniedOpen {
    std::string path;
    mode_t mode = 0;
    uid_t owner = 0;
    bool passing = false;          // made for this attach, and gone once that has failed
    uid_t user = 0;                // whom the daemon takes QEMU for
    std::optional<uid_t> runs_as;  // whom its process runs as, where that is seen
    bool admitted = false;         // whether the file's owner, mode and ACL let the user in
    std::optional<pid_t> pid;
    Confinement confinement;
};

/// Why that was, as far as it is known, and what to do.
std::string advise(const DeniedOpen& denied);

}  // namespace ivshmemd
