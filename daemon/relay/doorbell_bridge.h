#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>

#include "daemon/base/async.h"
#include "daemon/base/unique_fd.h"

namespace ivshmemd {

/// Rings one eventfd whenever another is rung, until it is let go of.
class DoorbellBridge {
  public:
    /// Neither descriptor blocks from then on. The bridge stands while somebody holds it.
    static std::shared_ptr<DoorbellBridge> build(const Executor& executor, UniqueFd from,
                                                 UniqueFd to);

    DoorbellBridge(const Executor& executor, UniqueFd from, UniqueFd to);

  private:
    void wait();
    void carry();

    Descriptor from_;
    UniqueFd to_;
    std::weak_ptr<DoorbellBridge> self_;
};

}  // namespace ivshmemd
