#pragma once

#include <string>
#include <vector>

#include "lib/inventory.h"
#include "lib/result.h"
#include "proto/qmp/receiver_query.h"

namespace ivshmemd::qmp {

/// The arguments with which a QEMU is started so that it can receive the masters of another one:
/// the same ids, windows and slots, by which QEMU finds where the content belongs. One argument
/// each, to be passed as they are. ConfigUnsupported, naming the device, for a master whose memory
/// another QEMU cannot be told of by a path.
Result<std::vector<std::string>> receiver_arguments(const Inventory& inventory,
                                                    const ReceiverFacts& facts);

}  // namespace ivshmemd::qmp
