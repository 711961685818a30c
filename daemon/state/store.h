#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/async.h"
#include "daemon/base/signal.h"
#include "daemon/base/unique_fd.h"
#include "daemon/base/worker.h"
#include "lib/result.h"
#include "lib/saved_state.h"
#include "proto/state_file.h"

namespace ivshmemd {

/// The state directory: one daemon at a time (flock), one file, replaced whole. Losing it costs
/// what it holds and nothing else.
class StateStore {
  public:
    /// Takes the directory, making it if need be. A file that cannot be read is set aside, and so
    /// is one with damaged entries, whose others are used; `warning` then says so. Internal when
    /// another daemon holds the directory.
    static Result<std::unique_ptr<StateStore>> open(const std::string& directory, Worker& worker,
                                                    Executor executor);

    const SavedState& get() const { return state_; }
    const std::string& warning() const { return warning_; }

    /// Changes the state, and says whether it did. It must not wait.
    using Edit = std::function<bool(SavedState&)>;

    /// Makes a change at once; it is on disk once this returns, in one write with later ones where
    /// several come together. A failure to write is logged: the daemon goes on, as it does without
    /// any state. What changes nothing costs nothing, however much there is.
    awaitable<void> change(Edit edit);
    /// Replaces the state.
    awaitable<void> put(SavedState state);

    /// Writes a state that could not be written again, every 10 s until it is. Once, beside all
    /// else; ends at stop().
    awaitable<void> keep_written();
    void stop();

  private:
    StateStore(std::string directory, UniqueFd lock, Worker& worker, Executor executor)
        : directory_(std::move(directory)),
          lock_(std::move(lock)),
          worker_(worker),
          written_signal_(std::move(executor)) {}
    void load();
    void go_on_without(ReadState read, const std::string& aside);
    awaitable<void> keep();
    awaitable<void> write();

    std::string directory_;
    UniqueFd lock_;
    Worker& worker_;
    SavedState state_;
    std::string warning_;
    std::uint64_t wanted_ = 0;   // states put so far
    std::uint64_t written_ = 0;  // of these, on disk
    bool writing_ = false;
    bool dirty_ = false;   // what is on disk is not this state
    bool failed_ = false;  // and the last write is why
    bool stopped_ = false;
    Signal written_signal_;
};

/// Puts a record in the place of those that `is_replaced` says. False when it is there already, and
/// none beside it.
template <class Record, class IsReplaced>
bool replace_record(std::vector<Record>& records, Record record, IsReplaced is_replaced) {
    bool is_there = false;
    const auto is_old = [&](const Record& each) {
        if (!is_replaced(each)) return false;
        const bool keeps = !is_there && each == record;
        is_there = is_there || keeps;
        return !keeps;
    };
    const bool erased = std::erase_if(records, is_old) > 0;
    if (is_there) return erased;
    records.push_back(std::move(record));
    return true;
}

}  // namespace ivshmemd
