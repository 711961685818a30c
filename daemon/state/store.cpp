#include "daemon/state/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "daemon/base/file.h"
#include "daemon/base/log.h"

namespace ivshmemd {
namespace {

constexpr const char* file_name = "state.json";
constexpr std::chrono::seconds write_again{10};

Error failed(const std::string& what) {
    return Error(ErrorKind::internal, what + ": " + std::strerror(errno));
}

/// One write at a time; whoever waits looks again however it ends.
class Writing {
  public:
    Writing(bool& writing, Signal& ended) : writing_(writing), ended_(ended) { writing_ = true; }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;
    ~Writing() {
        writing_ = false;
        ended_.notify_all();
    }

  private:
    bool& writing_;
    Signal& ended_;
};

}  // namespace

Result<std::unique_ptr<StateStore>> StateStore::open(const std::string& directory, Worker& worker,
                                                     Executor executor) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    UniqueFd lock(::open((directory + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock) return failed("cannot use the state directory " + directory);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        return failed("another ivshmemd uses the state directory " + directory);
    }
    std::unique_ptr<StateStore> store(
        new StateStore(directory, std::move(lock), worker, std::move(executor)));
    store->load();
    return store;
}

void StateStore::load() {
    const std::string path = directory_ + "/" + file_name;
    std::ifstream file(path, std::ios::binary);
    if (!file) return;
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    Result<ReadState> read = parse_state(text);
    if (read && read->left_out.empty()) {
        state_ = std::move(read->state);
        return;
    }
    const std::string aside = path + ".unreadable";
    if (read) {
        go_on_without(std::move(*read), aside);
        return;
    }
    std::error_code ignored;
    std::filesystem::rename(path, aside, ignored);
    warning_ = read.error().message + "; set aside as " + aside;
}

// The rest is on disk again before anything else happens, and the original is kept for people.
void StateStore::go_on_without(ReadState read, const std::string& aside) {
    std::error_code error;
    std::filesystem::copy_file(directory_ + "/" + file_name, aside,
                               std::filesystem::copy_options::overwrite_existing, error);
    state_ = std::move(read.state);
    warning_ = "the state file is damaged: going on without " + read.left_out +
               ", which cannot be read, and with everything else in it; ";
    if (error) {
        warning_ += "the original could not be set aside as " + aside + ": " + error.message();
        dirty_ = true;
        return;
    }
    warning_ += "the original is set aside as " + aside;
    dirty_ = replace_file(directory_ + "/" + file_name, spell_state(state_)) != 0;
}

awaitable<void> StateStore::change(Edit edit) {
    const bool changed = edit(state_);
    if (changed || dirty_) co_await keep();
}

awaitable<void> StateStore::put(SavedState state) {
    if (state == state_ && !dirty_) co_return;
    state_ = std::move(state);
    co_await keep();
}

awaitable<void> StateStore::keep() {
    const std::uint64_t mine = ++wanted_;
    while (written_ < mine) {
        if (writing_) {
            co_await written_signal_.wait_until(SteadyClock::time_point::max());
        } else {
            co_await write();
        }
    }
}

awaitable<void> StateStore::write() {
    const Writing mark(writing_, written_signal_);
    const std::uint64_t target = wanted_;
    const auto replace = [path = directory_ + "/" + file_name, text = spell_state(state_)] {
        return replace_file(path, text);
    };
    const int error = co_await worker_.run(replace);
    if (error && !failed_) {
        log_warning({"cannot write the state: ", std::strerror(error),
                     "; going on without, and trying again"});
    } else if (!error && failed_) {
        log_info({"the state is written again"});
    }
    dirty_ = failed_ = error != 0;
    written_ = target;
}

awaitable<void> StateStore::keep_written() {
    while (!stopped_) {
        const SteadyClock::time_point next =
            failed_ ? SteadyClock::now() + write_again : SteadyClock::time_point::max();
        co_await written_signal_.wait_until(next);  // ends early with every other write
        const bool due = failed_ && !writing_ && SteadyClock::now() >= next;
        if (due && !stopped_) co_await write();
    }
}

void StateStore::stop() {
    stopped_ = true;
    written_signal_.notify_all();
}

}  // namespace ivshmemd
