#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "daemon/base/alarm.h"
#include "daemon/base/async.h"
#include "daemon/base/signal.h"

// Whom the service manager keeps waiting, it keeps from the VMs: libsystemd's own calls wait for
// room in the manager's socket, and the whole daemon with them. So nothing here ever waits, except
// coroutines that ask to.
namespace ivshmemd {

/// Tells the service manager something that may get lost, e.g. "WATCHDOG=1" or "STOPPING=1". False
/// when it is not taken at once. Nothing happens, and true, where there is no manager.
bool tell_manager(const std::string& message);

/// What must reach the service manager: in the order given, tried again until it is taken.
class ManagerPost {
  public:
    explicit ManagerPost(Executor executor) : executor_(executor), changed_(executor) {}

    /// Without anybody who waits for it.
    void post(std::string message);

    /// Waits until it is taken. False at the deadline: it was not, and will not be. A descriptor
    /// that goes with it stays the caller's.
    awaitable<bool> deliver(std::string message, int fd, SteadyClock::time_point until);

    /// Gives up what is not taken yet: the program ends.
    void stop();

  private:
    struct Letter {
        std::string message;
        int fd = -1;
        bool taken = false;
    };

    void flush();

    Executor executor_;
    std::deque<std::shared_ptr<Letter>> letters_;
    Signal changed_;
    Alarm again_;
};

/// The status that the service manager shows: said at most once a second, and only when it is
/// another one.
class ManagerStatus {
  public:
    ManagerStatus(Executor executor, std::function<std::string()> text)
        : executor_(std::move(executor)), text_(std::move(text)) {}

    /// It may be another one by now.
    void touch();
    /// This for now, at once, until touch() finds another one.
    void say(const std::string& text);
    /// Nothing more from now on.
    void stop();

  private:
    void tell();

    Executor executor_;
    std::function<std::string()> text_;
    std::string told_;
    SteadyClock::time_point next_;
    Alarm later_;
    bool waiting_ = false;
    bool stopped_ = false;
};

}  // namespace ivshmemd
