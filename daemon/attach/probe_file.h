#pragma once

#include <memory>
#include <string>

#include "daemon/attach/decision.h"
#include "daemon/base/async.h"
#include "lib/plan.h"

// Whether a QEMU that cannot be looked into sees the directory of a region.
//
// Whether it has a region's own file open, the kernel does not tell as soon as anybody else may
// have. So QEMU is given a backend on a file next to it whose name nobody else knows: if that is
// open then, QEMU has opened it, and sees this directory; if not, it has made a file of its own
// elsewhere. The backend is taken out again at once, and the file has lost its name by then.
namespace ivshmemd {

class Vm;

enum class SeenDirectory {
    same,
    another,
    untold,
};

/// To be asked once the region's own backend is there, in the VM's turn. `made`: the path of a file
/// that QEMU has made elsewhere, with `another`.
awaitable<SeenDirectory> probe_directory(std::shared_ptr<Vm> vm, const Decision& decision,
                                         const Parts& parts, std::string& made);

/// Removes what a daemon left that was killed meanwhile, where nobody has it open. To be called
/// when the program starts.
void remove_stale_probe_files(const RegionPlaces& places);

}  // namespace ivshmemd
