#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "daemon/base/async.h"
#include "lib/result.h"

namespace ivshmemd {

class Vm;

struct DetachRequest {
    std::string name;                     // empty when qom_path is given
    std::optional<std::string> qom_path;  // any ivshmem device, ours or another's
    Milliseconds timeout{30000};          // how long to wait for the guest
    bool remove_region = false;           // with the device, if this daemon made it
    bool for_migration = false;           // a step of the daemon's own migration
    bool on_record = false;               // a later daemon has to know that it was asked for
    bool by_hand = false;                 // a declared device then stays away
};

enum class Detached {
    removed,  // device and backend are gone
    pending,  // the guest was asked; it will be completed whenever it lets go
};

/// Told what the wait is about, in words.
using DetachProgress = std::function<void(const std::string& phase, const std::string& text)>;

/// Asks the guest to let a device go and waits for it. Only sending the request is behind the VM's
/// gate, so that a guest which takes its time holds up nothing else. Another Detach of the same
/// device joins the wait.
awaitable<Result<Detached>> detach(std::shared_ptr<Vm> vm, DetachRequest request,
                                   DetachProgress progress);

/// Whether a device of ours is there, as far as is known, and its guest can be asked for it; else
/// what detaching it would end in.
Result<void> check_detach(const Vm& vm, const std::string& name);

}  // namespace ivshmemd
