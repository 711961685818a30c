#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ivshmemd {

/// Who is behind a monitor, as far as the host lets us see.
struct Identity {
    uid_t user = 0;                         // who called listen(2) on the monitor's socket
    std::optional<pid_t> pid;               // only when its command line names the socket
    std::vector<std::string> command_line;  // of that pid, until it was probed; else empty
    std::string run;      // tells this QEMU from the next one: its socket, and who called listen(2)
    std::string binding;  // of the socket; see socket_binding()
    std::optional<std::uint64_t> started;  // of that pid, in the kernel's ticks
    std::string bridge;  // the program between us and QEMU, which told the rest; else empty
};

/// The arguments of a process; empty where /proc does not say.
std::vector<std::string> read_command_line(pid_t pid);

/// When a process started; nothing where /proc does not say.
std::optional<std::uint64_t> start_of(pid_t pid);

/// What tells the QEMU behind a socket from the next one; empty when the socket has no file.
std::string run_of(const std::string& socket_path, pid_t listener);

/// Whether the same QEMU process is behind both. Not known is no.
bool is_same_process(const Identity& a, const Identity& b);

/// Reads SO_PEERCRED of a connected monitor and /proc. With libvirt, systemd-passed sockets or
/// -runas, whoever called listen(2) is not the running QEMU: hence the check of the command line.
Identity identify(int socket, const std::string& socket_path);

/// Tells one bind(2) of a socket's path from the next; empty when nothing is there to be seen.
std::string socket_binding(const std::string& socket_path);

/// Whether that pid, which must be known, is no more, or is another process by now.
bool has_ended(const Identity& identity);

/// Whether QEMU may load its modules now: one whose files were replaced since it started aborts.
/// True when the executable behind the monitor is still the one on disk; where /proc cannot say,
/// when neither the binary nor its module directories changed since the monitor's socket was bound.
/// False behind a bridge: that socket is its own, bound again whenever it starts.
bool modules_unchanged(const Identity& identity, const std::string& socket_path);

/// Whether the command line has -only-migratable, or sets that property of "migration" by -global:
/// then QEMU takes no peer and leaks the backend of one it refuses. Where there is none to be read,
/// QEMU is asked.
bool is_only_migratable(const Identity& identity);

/// Whether the command line keeps the kernel from delivering interrupts (kernel-irqchip=off): then
/// QEMU does that itself, under KVM as well.
bool is_without_kernel_irqchip(const Identity& identity);

}  // namespace ivshmemd
