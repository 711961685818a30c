#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/version.h"
#include "proto/json.h"
#include "proto/qmp/command.h"

namespace ivshmemd::qmp {

/// Descriptors that QEMU is handed to hold, and that are taken back together.
enum class HeldSet {
    probe,  // to see which numbers it gives out
    spare,  // so that it gives out none of these for a while
};

/// Whether the number of a set is one of these.
bool is_held_set(std::int64_t number);

/// Hands QEMU the descriptor that is sent along, which gets the lowest number that is free there.
Command hold_descriptor(HeldSet set);
/// That number.
std::optional<int> read_descriptor(const json* reply);

/// Takes back all of the set, or one of it. An error when there is none.
Command release_descriptors(HeldSet set);
Command release_descriptor(HeldSet set, int number);

/// Whether a released number is free at once. Before version 9.1 a VM that does not run keeps all
/// of them, until something is released when it runs again, or a client leaves.
bool releases_at_once(const Version& version, std::string_view run_state);

}  // namespace ivshmemd::qmp
