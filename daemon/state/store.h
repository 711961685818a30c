#pragma once

#include <memory>
#include <string>

#include "daemon/async.h"
#include "daemon/unique_fd.h"
#include "daemon/worker.h"
#include "lib/result.h"
#include "lib/saved_state.h"

namespace ivshmemd {

/// The state directory: one daemon at a time (flock), one file, replaced whole. Losing it costs what
/// it holds and nothing else.
class StateStore {
  public:
    /// Takes the directory, making it if need be. A file that cannot be read is set aside, which
    /// `warning` then says. Internal when another daemon holds the directory.
    static Result<std::unique_ptr<StateStore>> open(const std::string& directory, Worker& worker);

    const SavedState& get() const { return state_; }
    const std::string& warning() const { return warning_; }

    /// Replaces the state; on disk once this returns. A failure to write is logged: the daemon goes
    /// on, as it does without any state.
    awaitable<void> put(SavedState state);

  private:
    StateStore(std::string directory, UniqueFd lock, Worker& worker)
        : directory_(std::move(directory)), lock_(std::move(lock)), worker_(worker) {}
    void load();

    std::string directory_;
    UniqueFd lock_;
    Worker& worker_;
    SavedState state_;
    std::string warning_;
};

}  // namespace ivshmemd
