#pragma once

#include <memory>
#include <optional>

#include "daemon/base/gate.h"
#include "daemon/region/users.h"
#include "lib/device.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

/// Who asks for a turn.
enum class Asker {
    client,
    migration,  // a step of the daemon's own migration, or of a hold
};

/// Whose turn it is to change one VM's QEMU.
///
/// Invariants:
///  - Commands that add to a QEMU, or ask a guest for something, are sent only by the holder of a
///    pass, one at a time, first come first served. Clearing away what a device left needs none: it
///    meets no other's things, and must not wait for a slow attach.
///  - From the request to let a doorbell go until its descriptors are parked, nothing else hands
///    that QEMU a descriptor or has it open a file (take_turn_to_add).
///  - While this daemon migrates the VM, or QEMU does, or a client holds it, nobody gets a turn but
///    the steps of that.
class Turn {
  public:
    using Pass = Gate::Pass;

    explicit Turn(Executor executor) : gate_(std::move(executor)) {}

    /// Waits for the turn, whatever else is the case.
    awaitable<Pass> enter() { return gate_.enter(); }
    bool busy() const { return gate_.busy(); }

    /// The device that the holder of the pass is making: a second master must see the first coming.
    const std::optional<DeviceSpec>& coming() const { return coming_; }

    /// Says what is being attached for as long as it lives.
    class Coming {
      public:
        Coming(Vm& vm, const DeviceSpec& spec);
        Coming(const Coming&) = delete;
        Coming& operator=(const Coming&) = delete;
        ~Coming() { turn_.coming_.reset(); }
        /// More is known of it: its slot, its size.
        void update(const DeviceSpec& spec) { turn_.coming_ = spec; }

      private:
        Turn& turn_;
        RegionUsers::ComingMark mark_;
    };

  private:
    Gate gate_;
    std::optional<DeviceSpec> coming_;
};

/// The turn, once the VM can be worked with and no migration is in the way: before the wait and
/// after it. VmUnavailable, MigrationActive.
awaitable<Result<Turn::Pass>> take_turn(std::shared_ptr<Vm> vm, Asker asker);

/// The same for what makes QEMU take a descriptor or open a file: waits for doorbells to be gone
/// and parked. OperationInProgress when a guest does not let one go.
awaitable<Result<Turn::Pass>> take_turn_to_add(std::shared_ptr<Vm> vm, Asker asker);

/// OperationInProgress when a doorbell is on its way out that other descriptors must not meet: one
/// may leave unasked at any time.
std::optional<Error> doorbell_leaving(const Vm& vm);
/// The same for one that has just left.
Error doorbell_left(const Vm& vm);

}  // namespace ivshmemd
