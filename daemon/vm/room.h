#pragma once

#include <memory>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/base/unique_fd.h"
#include "daemon/relay/room.h"
#include "lib/plan.h"

namespace ivshmemd {

class Vm;

/// Descriptors that stay free for what QEMU opens by itself: for clients of its monitors, a
/// migration, a disk.
inline constexpr std::size_t kept_free = 16;

/// A descriptor that is never readable: whoever watches its number for an earlier holder sees
/// nothing. None when this process has none free.
UniqueFd never_rung();

/// Hands QEMU so many by name; then `full` when it had not as many, `silent` when it did not say.
/// Names tell no numbers, but what is closed is free at once, whatever the VM does. close_by_name()
/// is to follow, whatever comes of it. With a pass of Vm::take_numbers().
struct HeldByName {
    std::vector<Command> closing;
    bool full = false;
    bool silent = false;
};
awaitable<HeldByName> hold_by_name(std::shared_ptr<Vm> vm, std::size_t count);
awaitable<void> close_by_name(std::shared_ptr<Vm> vm, std::vector<Command> closing);

/// How a relay asks this VM's QEMU, with a pass of its own: for so many beside what its relays have
/// still to give it. `unknown` once the VM is no more.
AskRoom room_question(const std::shared_ptr<Vm>& vm);

}  // namespace ivshmemd
