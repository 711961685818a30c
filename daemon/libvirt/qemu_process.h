#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace ivshmemd::libvirt {

struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
};

/// What libvirt's label for owners says: "+64055:+64055", or names. Nothing for another label.
std::optional<Owner> read_owner_label(const std::string& label);

/// Whether a label of libvirt's looks like one for owners.
bool is_owner_label(const std::string& label);

/// Any other, AppArmor's or SELinux', as the kernel words it in /proc; empty for an empty one.
std::string kernel_label(const std::string& label, bool enforcing);

/// The one QEMU of this user (none: of any) that was started for a VM of this UUID, as libvirt
/// starts them. Nothing when there is none to be seen, or more than one. Looks in `proc`.
std::optional<pid_t> find_qemu(const std::string& uuid, std::optional<uid_t> user,
                               const std::string& proc = "/proc");

/// When a process started, in the kernel's words.
std::string start_of(pid_t pid);

/// Whom a process runs as.
std::optional<Owner> owner_of(pid_t pid);

}  // namespace ivshmemd::libvirt
