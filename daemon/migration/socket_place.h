#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "lib/migration/migration.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// Whether the directory of the socket that a migration is to go to is there for the VM's QEMU:
/// InvalidParameter. Where only our own view of the files can be had, `force` goes past that.
awaitable<Result<void>> check_socket_place(std::shared_ptr<Vm> vm, ListenAddress target,
                                           bool force);

}  // namespace ivshmemd
