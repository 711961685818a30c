#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/qmp/session.h"
#include "daemon/relay/room.h"
#include "lib/descriptor_range.h"
#include "lib/result.h"

// A QEMU's descriptors. Its monitor tells the number of one that it is handed, the lowest that is
// free, and refuses it when there is none. All that asks the monitor here is to be called with a
// pass of Vm::take_numbers().
namespace ivshmemd {

class Vm;

struct LowestFree {
    std::optional<int> number;  // none when it cannot be told
    bool full = false;          // because QEMU has no free one
};
/// Asks by handing QEMU one and taking it back.
awaitable<LowestFree> lowest_free_descriptor(std::shared_ptr<Vm> vm);

/// Whether what is taken back is free at once: see qmp::releases_at_once().
bool releases_at_once(const Vm& vm);

/// What QEMU takes next.
struct NextDescriptors {
    std::vector<int> numbers;    // ascending
    int top = 0;                 // whatever a device takes is below it
    bool held = false;           // QEMU keeps these and gives out later ones
    std::uint64_t parkings = 0;  // of doorbells of this VM, before
};
/// Whether QEMU has so many free, before it would run out of them in the middle, and some more for
/// what it opens by itself meanwhile: ConfigUnsupported when not. Costs a command for each, and
/// more where QEMU releases nothing at once.
awaitable<Result<NextDescriptors>> next_descriptors(std::shared_ptr<Vm> vm, std::size_t wanted);

/// Whether QEMU has that many free, whatever their numbers; it is to keep some for itself besides.
awaitable<Room> room_for(std::shared_ptr<Vm> vm, std::size_t wanted);

/// Where the numbers lie of a device that took `count` since `next` was found out. Nothing when
/// QEMU does not answer. Costs a command for each that is free.
awaitable<std::optional<DescriptorRange>> find_taken(std::shared_ptr<Vm> vm, NextDescriptors next,
                                                     std::size_t count);

/// Has QEMU hold its lowest free numbers, until release_spare(), so that a device gets higher ones
/// and what QEMU opens later finds lower ones first. ConfigUnsupported when there are not as many.
awaitable<Result<void>> hold_spare(std::shared_ptr<Vm> vm);
/// The same for all that are free below `floor`. False when QEMU does not take or tell them.
awaitable<bool> hold_spare_below(std::shared_ptr<Vm> vm, int floor);
awaitable<void> release_spare(std::shared_ptr<Vm> vm);
/// All that QEMU holds for us: also what an earlier daemon, or an operation that QEMU left
/// unanswered, did not get to release.
awaitable<void> release_held(std::shared_ptr<qmp::Session> session, Milliseconds deadline);

}  // namespace ivshmemd
