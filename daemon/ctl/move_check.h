#pragma once

#include <string>

#include "daemon/ctl/session.h"

namespace ivshmemd::ctl {

/// A VM that is to move with its devices.
struct Move {
    std::string vm;
    bool detach_peers = false;   // they are taken out first, and plugged in there
    bool masters = false;        // those as well
    bool force = false;          // although something warns
    bool may_come_late = false;  // whoever moves it may start its QEMU there
};

/// Finds everything that keeps a VM from moving to the daemon of another host with its devices,
/// before anything is begun: MigrationBlocked then. What only a QEMU can tell is left to the
/// migration, and what only a QEMU that is not there yet could.
Answer check_move(Session& here, Session& there, const Move& move);

}  // namespace ivshmemd::ctl
