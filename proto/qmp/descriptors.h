#pragma once

#include <optional>

#include "proto/json.h"
#include "proto/qmp/command.h"

namespace ivshmemd::qmp {

/// Hands QEMU the descriptor that is sent along, which gets the lowest number that is free there.
Command hold_descriptor();
/// That number.
std::optional<int> read_descriptor(const json* reply);

/// Takes back all that were handed over so.
Command release_descriptors();

}  // namespace ivshmemd::qmp
