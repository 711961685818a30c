#pragma once

#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "daemon/vm/vm.h"

namespace ivshmemd {

/// A region that may have to lose its name.
struct RegionRemoval {
    std::string path;
    RegionIdentity file;        // that this daemon made there
    std::string failed_attach;  // "VM/NAME", where that made it for nothing
    Milliseconds patience{0};   // for those who are about to let go of it, or to tell
    std::uint64_t change = 0;   // only as long as nobody but that change of several VMs has used it
};

/// Unlinks the region and forgets it, if no VM uses it, all VMs could be asked, and the kernel says
/// the same of all programs of the host. Nothing once it is gone; otherwise why it stays, for
/// people, which is logged as well.
awaitable<std::optional<std::string>> remove_made_region(std::shared_ptr<Vm> vm,
                                                         RegionRemoval removal);

/// The same for somebody who asks for it, and no VM's business.
awaitable<std::optional<std::string>> remove_region_by_hand(Host& host, RegionRemoval removal);

}  // namespace ivshmemd
