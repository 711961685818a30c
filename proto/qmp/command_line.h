#pragma once

#include <string>
#include <vector>

#include "lib/inventory.h"
#include "lib/result.h"
#include "proto/qmp/receiver_query.h"

namespace ivshmemd::qmp {

/// How a QEMU is started so that it can receive the masters of another one.
struct ReceiverStart {
    std::vector<std::string> arguments;  // one each, to be passed as they are
    std::vector<DeviceSpec> left_out;    // to be attached while it waits; see has_doorbell()
};

/// With the same ids, windows and slots, by which QEMU finds where the content belongs.
/// ConfigUnsupported, naming the device, for a master whose memory another QEMU cannot be told of
/// by a path, and for a doorbell that cannot be attached there as it is.
Result<ReceiverStart> receiver_arguments(const Inventory& inventory, const ReceiverFacts& facts);

}  // namespace ivshmemd::qmp
