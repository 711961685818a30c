#pragma once

#include <memory>
#include <string>

#include "daemon/base/async.h"
#include "daemon/qmp/answer.h"
#include "lib/result.h"
#include "proto/qmp/command.h"

namespace ivshmemd {

class Vm;
struct Migration;

// QEMU may be told to leave the content of shared memory behind, and calls such a migration
// completed. Whoever has another monitor can tell it so until the migration starts, but not while
// it runs: what it says right after the start holds for all of it.

/// MigrationBlocked when QEMU, as it was told to migrate now, would leave something behind.
awaitable<Result<void>> check_content(std::shared_ptr<Vm> vm);

/// Tells QEMU to migrate, and has it cancel that at once should anything be left behind: then, and
/// when it came too late, Migration::left_behind says so. The answer to `command`.
awaitable<qmp::Answer> start_with_content(Migration& migration, qmp::Command command);

/// What a migration that has ended left behind, in words; empty when nothing. Asks QEMU where that
/// is not known, which it is not when the migration's start was another daemon's.
awaitable<std::string> find_left_behind(Migration& migration);

}  // namespace ivshmemd
