#pragma once

#include <memory>

#include "daemon/attach/decision.h"
#include "daemon/base/async.h"
#include "lib/plan.h"

namespace ivshmemd {

class Vm;

/// What came of one run of an attach's plan.
struct Attempt {
    enum class Verdict {
        done,
        again,    // the slot was taken meanwhile
        failed,   // and taken back
        unknown,  // QEMU is silent: it may still carry it out
    };

    Verdict verdict = Verdict::done;
    Error error;
};

/// Runs the plan once, and takes everything in QEMU back when it fails. Uses the decision's server
/// connection up; meets the server anew where there is none.
awaitable<Attempt> attempt_attach(std::shared_ptr<Vm> vm, Decision& decision);

}  // namespace ivshmemd
