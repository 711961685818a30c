#pragma once

#include <cstddef>
#include <vector>

namespace ivshmemd {

/// Numbers of descriptors in a QEMU: from `floor` to below `top`.
struct DescriptorRange {
    int floor = 0;
    int top = 0;

    bool operator==(const DescriptorRange&) const = default;
};

/// Where the numbers of a device lie that took `count` descriptors. `expected`: those that were the
/// next ones before, and `free`: the lowest that are free after, up to one beyond these at least;
/// both ascending, neither empty.
///
/// The device took those that were next and are not free any more. Where `held`, QEMU keeps what it
/// was handed to see them, and the device's come after. When other than the first `count` are
/// taken, QEMU has opened or closed something else meanwhile: then the floor is 0, and the top
/// above everything that is taken, as far as `free` goes.
DescriptorRange range_taken(const std::vector<int>& expected, bool held,
                            const std::vector<int>& free, std::size_t count);

}  // namespace ivshmemd
