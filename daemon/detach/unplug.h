#pragma once

#include <memory>

#include "daemon/base/async.h"
#include "lib/inventory.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// Sends device_del once, for a departure that is wanted, and files what QEMU said; its error when
/// asking again is useless. To be called in turn.
/// A departure that is refused, or could not even be asked for the first time, is nobody's intent
/// any more.
enum class Asking { first, again };
awaitable<Result<void>> ask_guest(std::shared_ptr<Vm> vm, InventoryDevice entry, Asking asking);

}  // namespace ivshmemd
