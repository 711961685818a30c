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
/// next ones before, and `free`: the lowest that are free after, up to one beyond these and further
/// where none of them is free; both ascending, neither empty.
///
/// The device took those that were next and are not free any more. Where QEMU keeps what it was
/// handed to see them, none of them is, and the device's come after. The floor is 0 when other than
/// `count` are taken: then QEMU has opened or closed something else meanwhile.
DescriptorRange range_taken(const std::vector<int>& expected, const std::vector<int>& free,
                            std::size_t count);

}  // namespace ivshmemd
