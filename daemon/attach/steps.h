#pragma once

#include <memory>
#include <string>

#include "daemon/attach/decision.h"
#include "daemon/base/async.h"
#include "daemon/vm/executor.h"
#include "lib/plan.h"

namespace ivshmemd {

/// Sends the steps of an attach's plan. Memory without a server is made first and looked at before
/// a device stands on it: `parts` gets what it is. With a `problem` it is not the region's, and the
/// rest was not sent; see prove_memory(). What a legacy device was tried with is deleted before it
/// comes, and `parts` has no backend then.
awaitable<Execution> run_steps(std::shared_ptr<Vm> vm, const Decision& decision, const Plan& plan,
                               Parts& parts, UniqueFd fd, std::string& problem);

}  // namespace ivshmemd
