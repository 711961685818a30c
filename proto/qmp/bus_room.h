#pragma once

#include "proto/qmp/pci_tree.h"

// What the windows of bridges have room for.

namespace ivshmemd::qmp {

/// A device on the bus whose memory the guest has not mapped yet, and will want to.
struct Waiting {
    std::string bus;         // QOM path
    std::uint64_t size = 0;  // bytes, a power of two
};

/// Reads room, in bytes, for each bus in the order of `found`; nothing where there is no limit that
/// QEMU could tell. Firmware opens the windows of bridges and guests keep to them: the 64-bit one
/// and the one below 4 GiB, less what is mapped there and what waits to be. Before that, it is
/// what firmware will make: what the device reserves, else 2 MiB.
class BusRoom {
  public:
    /// `cold`: firmware has not begun, and makes room for whatever it finds.
    BusRoom(QomMemo& memo, const std::vector<FoundBus>& found,
            const std::vector<PciFunction>& functions, const std::vector<Waiting>& waiting,
            bool cold)
        : memo_(memo), found_(found), functions_(functions), waiting_(waiting), cold_(cold) {}

    std::optional<std::uint64_t> of(const FoundBus& bus);

    /// The bridge as query-pci shows it; null when it does not, or not under a name we know.
    const PciFunction* function_of(const FoundBus& bus) { return function_of(bus, 0); }

  private:
    std::optional<std::uint64_t> of_root(const FoundBus& bus);
    std::uint64_t reserved_for(const FoundBus& bus);
    std::uint64_t before_firmware(const FoundBus& bus);
    std::uint64_t behind(const PciFunction& bridge, const FoundBus& bus);
    const PciFunction* function_of(const FoundBus& bus, int depth);
    std::optional<int> number_of(const FoundBus& bus, int depth);
    std::vector<AddressRange> taken_on(int first_bus, int last_bus) const;
    std::vector<std::uint64_t> waiting_on(const FoundBus& bus) const;

    QomMemo& memo_;
    const std::vector<FoundBus>& found_;
    const std::vector<PciFunction>& functions_;
    const std::vector<Waiting>& waiting_;
    bool cold_;
};

}  // namespace ivshmemd::qmp
