#include "lib/run_state.h"

#include <array>

namespace ivshmemd {
namespace {

// What a run state has against something.
enum class Objection {
    none,
    no_device,     // it takes none
    no_peer,       // it takes masters only
    no_guest,      // nobody would let the device go
    no_migration,  // none can start
};
using enum Objection;

struct Row {
    std::string_view run_state;
    Objection attach;
    Objection detach;
    Objection migrate;
};

// All that QEMU has and that are not here allow everything: it migrates a VM that has shut down, or
// was stopped by an error of its disk, a panic or a watchdog, as one that was paused.
constexpr std::array rows{
    Row{"inmigrate", no_peer, no_guest, no_migration},
    Row{"finish-migrate", no_device, no_guest, no_migration},
    Row{"postmigrate", no_device, no_guest, no_migration},
    Row{"internal-error", none, none, no_migration},
};

Objection of(const Row& row, Operation operation) {
    switch (operation) {
        case Operation::attach:
        case Operation::replug:
            return row.attach;
        case Operation::detach:
            return row.detach;
        case Operation::migrate:
            return row.migrate;
    }
    return none;
}

bool applies(Objection objection, Role role) {
    if (objection == no_peer) return role == Role::peer;
    return objection != none;
}

std::string in_words(Objection objection, std::string_view run_state) {
    const std::string here = "is in run state " + std::string(run_state) + ", ";
    switch (objection) {
        case none:
            break;
        case no_device:
            return here + "which takes no device";
        case no_peer:
            return here + "which takes no peer";
        case no_guest:
            return here + "where no guest answers";
        case no_migration:
            return here + "from which none can start";
    }
    return "";
}

}  // namespace

std::optional<std::string> objection(Operation operation, std::string_view run_state, Role role) {
    for (const Row& row : rows) {
        if (row.run_state != run_state) continue;
        const Objection found = of(row, operation);
        if (applies(found, role)) return in_words(found, run_state);
    }
    return std::nullopt;
}

Result<void> allowed(Operation operation, const std::string& vm, std::string_view run_state,
                     Role role) {
    const std::optional<std::string> reason = objection(operation, run_state, role);
    if (!reason) return {};
    return Error(ErrorKind::vm_unavailable, "VM " + vm + " " + *reason,
                 {{"state", std::string(run_state)}});
}

}  // namespace ivshmemd
