#pragma once

#include <string_view>

#include "lib/unit_sandbox.h"

namespace ivshmemd {

/// Takes in a unit file or a drop-in of systemd, in the order that systemd reads them: what a later
/// one says counts, and an empty value takes back what came before.
void add_unit_text(UnitSandbox& unit, std::string_view text);

}  // namespace ivshmemd
