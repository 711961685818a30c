#pragma once

#include <string>
#include <vector>

#include "lib/inventory.h"

namespace ivshmemd::qmp {

/// The arguments with which a QEMU is started so that it can receive the masters of another one:
/// the same ids, sizes and slots, by which QEMU finds where the content belongs. One argument each,
/// to be passed as they are.
std::vector<std::string> receiver_arguments(const Inventory& inventory);

}  // namespace ivshmemd::qmp
