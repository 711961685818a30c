#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/attach/decision.h"
#include "daemon/base/async.h"
#include "daemon/vm/turn.h"
#include "lib/device.h"
#include "lib/result.h"
#include "proto/qmp/command.h"

namespace ivshmemd {

class Vm;

struct Attached {
    Device device;
    bool changed = true;                 // false: an equal device was there
    std::vector<qmp::Command> commands;  // with a dry run: what would have been sent
    std::string warning = {};            // what is not to be expected of it, for people
};

/// Attaches a device: checks in the order of the contract, makes region, backend and device, and
/// takes everything back when a step fails. Waits for its turn behind the VM's gate.
awaitable<Result<Attached>> attach(std::shared_ptr<Vm> vm, DeviceRequest request, bool dry_run);

/// Told of the file of a region that an attach makes, as soon as it is there.
using MadeRegion = std::function<void(const std::string& path, const RegionIdentity& file)>;

/// How a region is made that is not there yet.
struct RegionMaking {
    MadeRegion made;
    mode_t mode = region_mode;
    std::uint64_t change = 0;  // the change of several VMs that this is part of
};

/// The same for whoever has to take it back later, with the region that was made for it.
awaitable<Result<Attached>> attach(std::shared_ptr<Vm> vm, DeviceRequest request,
                                   RegionMaking making);

/// What a decision that has its place comes to.
Attached planned(const Vm& vm, const Decision& decision);

/// Attaches a device as it was: exactly that model, and in the slot it had if that is free.
awaitable<Result<Attached>> attach_again(std::shared_ptr<Vm> vm, DeviceSpec spec, Asker asker);

}  // namespace ivshmemd
