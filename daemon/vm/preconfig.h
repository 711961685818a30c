#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "daemon/qmp/session.h"
#include "lib/error.h"

namespace ivshmemd {

class Vm;

/// Whether that is why a probe came to nothing.
bool has_no_machine(const Error& error);

/// Waits while a QEMU that was started with -preconfig has made no machine: it holds nothing yet
/// and refuses most questions. Ends as soon as it has one, or the connection has ended.
awaitable<void> await_machine(std::shared_ptr<Vm> vm, std::shared_ptr<qmp::Session> session);

}  // namespace ivshmemd
