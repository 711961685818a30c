#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/vm/identity.h"
#include "lib/result.h"

// A QEMU's descriptors. Its monitor tells the number of one that it is handed, the lowest that is
// free, and refuses it when there is none. /proc tells more, where it may be read.
namespace ivshmemd {

class Vm;

/// Asks by handing QEMU one and taking it back. Nothing when it does not answer.
awaitable<std::optional<int>> lowest_free_descriptor(std::shared_ptr<Vm> vm);

struct DescriptorUse {
    std::size_t count = 0;
    int top = 0;  // one more than the highest number
};
/// Nothing when /proc does not tell.
std::optional<DescriptorUse> descriptors_in_use(const Identity& identity);

/// How many this QEMU may have; 1024, the usual limit, where /proc does not tell.
int descriptor_limit(const Identity& identity);

/// Whether QEMU has so many free, before it would run out of them in the middle: ConfigUnsupported
/// when not. Otherwise the numbers that it takes next, in ascending order: as many, and some more
/// for what it opens by itself meanwhile. Costs a command for each.
awaitable<Result<std::vector<int>>> next_descriptors(std::shared_ptr<Vm> vm, std::size_t wanted);

/// A number that all of those are below which are not free any more of `expected`. Whatever else
/// QEMU has opened or closed since, a device that took some of them has none above it. Nothing when
/// QEMU does not answer. Costs a command for each that is free.
awaitable<std::optional<int>> bound_taken(std::shared_ptr<Vm> vm, std::vector<int> expected);

}  // namespace ivshmemd
