#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/state/store.h"
#include "lib/saved_state.h"

// What the state file remembers of changes of several VMs under way. Whatever changes it is on disk
// when it returns.
namespace ivshmemd {

/// A number that no change has that is remembered, and no region was made by.
std::uint64_t new_change_number(const StateStore& store);

/// Remembers a change that is about to begin: one record for each of its VMs.
awaitable<void> remember_change(StateStore& store, std::vector<ChangeRecord> records);

/// The device was there already, and is none of what the change brings.
awaitable<void> leave_out_of_change(StateStore& store, std::uint64_t number, std::string vm,
                                    std::string device);

/// Devices by VM.
using DevicesOfVms = std::map<std::string, std::set<std::string>>;

/// The change has come to its end, but for devices that it brought and that could not be taken out
/// again. Without any, regions that it made are like others then.
awaitable<void> end_change(StateStore& store, std::uint64_t number, DevicesOfVms left);

/// All devices of it have been undone in this VM, where nothing is left but regions.
awaitable<void> note_devices_undone(StateStore& store, ChangeRecord& record);

/// It has in this one; in all, when it was the last.
awaitable<void> forget_change_in(StateStore& store, ChangeRecord record);

/// Those of a VM of that name, those of its earlier QEMU processes among them.
std::vector<ChangeRecord> changes_of(const StateStore& store, const std::string& vm);

}  // namespace ivshmemd
