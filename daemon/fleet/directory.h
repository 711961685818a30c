#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "daemon/base/async.h"

namespace ivshmemd {

/// The sockets "<name>.qmp" in a directory that is watched. It may come and go: while it is not
/// there, what would hold it is watched.
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
    // inotify's numbers; of what name there, empty: of any.
    using Watches = std::map<int, std::string>;

    Watches find_watches(bool& there) const;
    void watch_again();
    bool concerns_us(std::string_view events) const;

    Executor executor_;
    std::optional<std::string> path_;
    std::set<std::string> refused_;  // file names warned about
    std::shared_ptr<Descriptor> notifications_;
    Watches watches_;
    bool there_ = true;  // the directory, when it was last looked for
};

}  // namespace ivshmemd
