#pragma once

#include "proto/qmp/pci_tree.h"

namespace ivshmemd::qmp {

/// Gives each bus its name, and the words that device_add finds it by.
///
/// QEMU takes the first bus of a name that it meets, so a name two buses share is none: such a bus
/// is called by its QOM path, and QEMU is told a qdev path, which names the devices on the way:
///     /q35-pcihost/pcie.0        the root, from the system's bus
///     /q35-pcihost/pcie.0/rp1    the bus of the device rp1 on it
///     pxb/rp1                    the same from a bus whose name is its own
/// A device without id is found by its type, and then by none other of that type: one that shares
/// its bus with another cannot be told from it, and `reason` says so.
void name_buses(QomMemo& memo, const std::vector<FoundBus>& found, std::vector<Bus>& buses);

}  // namespace ivshmemd::qmp
