#pragma once

namespace ivshmemd::doorbell {

/// Whether the process at the other end of this socket is a QEMU, by its name. False where /proc
/// does not say.
bool is_qemu(int socket);

}  // namespace ivshmemd::doorbell
