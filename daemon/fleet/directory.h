#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "daemon/base/async.h"

namespace ivshmemd {

/// The sockets "<name>.qmp" in a directory that is watched.
///
/// Order: watch(), then scan() and changed() by turns, until stop().
class Directory {
  public:
    explicit Directory(Executor executor) : executor_(std::move(executor)) {}

    /// Begins to watch. False when that cannot be, which is logged.
    bool watch(const std::string& path);
    void stop();
    /// What is watched; nothing when nothing is.
    const std::optional<std::string>& path() const { return path_; }

    /// The sockets that are there now, by VM name. Of other names it warns once.
    std::map<std::string, std::string> scan();

    /// Waits until something may have changed. False once this directory is no longer watched.
    awaitable<bool> changed();

  private:
    Executor executor_;
    std::optional<std::string> path_;
    std::set<std::string> refused_;  // file names warned about
    std::shared_ptr<boost::asio::posix::stream_descriptor> notifications_;
};

}  // namespace ivshmemd
