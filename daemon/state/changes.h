#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/state/store.h"
#include "lib/saved_state.h"

// What the state file remembers of changes of several VMs under way. Whatever changes it is on disk
// when it returns.
namespace ivshmemd {

/// A number that no change has that is remembered.
std::uint64_t new_change_number(const StateStore& store);

/// Remembers a change that is about to begin: one record for each of its VMs.
awaitable<void> remember_change(StateStore& store, std::vector<ChangeRecord> records);

/// The device was there already, and is none of what the change brings.
awaitable<void> leave_out_of_change(StateStore& store, std::uint64_t number, std::string vm,
                                    std::string device);

/// The change has come to its end, in all of its VMs.
awaitable<void> forget_change(StateStore& store, std::uint64_t number);

/// It has in this one.
awaitable<void> forget_change_of(StateStore& store, std::uint64_t number, VmKey vm);

/// So it has in all QEMU processes of that name but this one, which have ended.
awaitable<void> forget_ended_changes(StateStore& store, VmKey vm);

/// Those of this QEMU process.
std::vector<ChangeRecord> changes_of(const StateStore& store, const VmKey& vm);

}  // namespace ivshmemd
