#pragma once

#include "daemon/host.h"

namespace ivshmemd::test {

/// Whether another thread of the daemon has yet to give its result: time must not pass meanwhile.
inline bool is_working(const Host& host) {
    return host.worker.busy() || host.writer.busy() || host.remover.busy() || host.looker.busy() ||
           host.parser.busy();
}

}  // namespace ivshmemd::test
