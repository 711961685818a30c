#pragma once

#include <memory>
#include <string>

#include "daemon/base/async.h"
#include "daemon/qmp/session.h"
#include "daemon/vm/identity.h"
#include "lib/capabilities.h"
#include "lib/result.h"

namespace ivshmemd {

/// Asks a QEMU what it can do, without ever making it load modules that may be of another build.
/// VmUnavailable when it does not answer, or has made no machine yet: then its state is
/// `preconfig`.
awaitable<Result<Capabilities>> probe(std::shared_ptr<qmp::Session> session, Version version,
                                      Identity identity, std::string socket_path,
                                      Milliseconds deadline);

}  // namespace ivshmemd
