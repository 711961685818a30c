#pragma once

#include <memory>

namespace ivshmemd {

class Vm;

/// For a new connection, behind the gate: finishes or undoes the migration that an earlier run of
/// the daemon, or an earlier connection, left behind. Devices stay as they are until that is done.
void resume_migration(const std::shared_ptr<Vm>& vm);

}  // namespace ivshmemd
