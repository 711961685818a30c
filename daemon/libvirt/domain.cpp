#include "daemon/libvirt/domain.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "daemon/base/file.h"
#include "daemon/base/log.h"
#include "daemon/base/unix_listener.h"

namespace ivshmemd::libvirt {
namespace {

// Between two looks at what libvirt does not tell by itself: that it answers again, or that a job
// has come to its end.
constexpr Milliseconds time_between_looks{250};

awaitable<std::optional<std::string>> gone() {
    co_return std::nullopt;
}

}  // namespace

Domain::Domain(Executor executor, const Options& options, RunningDomain run, std::string vm)
    : executor_(std::move(executor)),
      options_(options),
      run_(std::move(run)),
      vm_(std::move(vm)),
      changed_(executor_) {
    note_.bridge = "ivshmemd-libvirt";
    note_.uuid = run_.uuid;
    note_.run = std::to_string(run_.number);
    note_.held = "libvirt has not answered yet";
}

bool Domain::start() {
    const std::string path = options_.directory + "/" + vm_ + ".qmp";
    // The note first: whoever finds the socket finds it too.
    publish();
    // Moved into its place: without a moment in which no socket is there, as if QEMU had ended.
    const std::string made = path + ".new";
    Result<UnixListener> listener = listen_at(made, options_.mode, options_.group);
    if (listener && listener->group_problem.empty() && ::rename(made.c_str(), path.c_str()) != 0) {
        listener->group_problem = std::strerror(errno);
    }
    if (!listener || !listener->group_problem.empty()) {
        log_error(
            {vm_, ": no monitor: ", listener ? listener->group_problem : listener.error().message},
            {{"VM", vm_}});
        return false;
    }
    acceptor_ = std::make_shared<Acceptor>(executor_, boost::asio::local::stream_protocol(),
                                           listener->socket.release());
    spawn(executor_, "domain " + vm_, follow());
    return true;
}

void Domain::stop() {
    const std::string path = options_.directory + "/" + vm_;
    ::unlink((path + ".qmp").c_str());
    ::unlink((path + ".json").c_str());
    close();
}

void Domain::leave() {
    note_.held = "ivshmemd-libvirt has been stopped";
    publish();
    close();
}

void Domain::close() {
    stopped_ = true;
    boost::system::error_code ignored;
    if (acceptor_) acceptor_->close(ignored);
    if (client_) client_->end();
    changed_.notify_all();
}

awaitable<void> Domain::follow() {
    const auto self = shared_from_this();
    // Before anybody comes: the note is to tell who is behind the socket.
    bool known = false;
    while (!known && !stopped_) known = co_await ready();
    while (!stopped_) co_await serve_next();
    co_await drop_link();
}

awaitable<void> Domain::serve_next() {
    auto [error, socket] = co_await acceptor_->async_accept(as_result);
    if (stopped_) co_return;
    if (error) {
        log_warning({vm_, ": cannot accept a client: ", error.message()}, {{"VM", vm_}});
        co_return co_await pause();
    }
    bool can_serve = false;
    while (!can_serve && !stopped_) can_serve = co_await ready();
    if (can_serve) co_await serve(std::move(socket));
}

// Whether libvirt is there and leaves the domain alone.
awaitable<bool> Domain::ready() {
    if (libvirtd_away_) {
        co_await changed_.wait_until(SteadyClock::time_point::max());
        co_return false;
    }
    if (!link_) {
        const bool connected = co_await connect();
        if (!connected) co_await pause();
        if (!connected) co_return false;
    }
    co_await look_for_job();
    if (stopped_ || libvirtd_away_ || !link_) co_return false;
    if (note_.held.empty()) co_return true;
    co_await pause();
    co_return false;
}

awaitable<void> Domain::serve(Client::Socket socket) {
    const std::optional<std::string> greeting = co_await fetch_greeting();
    if (!greeting || stopped_ || libvirtd_away_) co_return;
    const std::weak_ptr<Domain> weak = weak_from_this();
    Client::Forward forward_it = [weak](Request request,
                                        UniqueFd fd) -> awaitable<std::optional<std::string>> {
        const auto self = weak.lock();
        if (!self) return gone();
        return self->forward(std::move(request), std::move(fd));
    };
    client_ = std::make_shared<Client>(std::move(socket), vm_, std::move(forward_it));
    log_debug({vm_, ": a client has come"}, {{"VM", vm_}});
    co_await client_->serve(*greeting);
    client_.reset();
}

void Domain::take(const MonitorEvent& event) {
    if (client_) {
        client_->tell(event_line(event.name, event.seconds, event.microseconds, event.details));
    }
    const std::string status = migration_status(event.name, event.details);
    const bool over = status.empty() || status == "completed" || status == "failed" ||
                      status == "cancelled" || status == "none";
    if (over || looking_for_job_ || !link_) return;
    looking_for_job_ = true;
    spawn(executor_, "job of " + vm_, look_for_job_once());
}

awaitable<void> Domain::look_for_job_once() {
    const auto self = shared_from_this();
    co_await look_for_job();
    looking_for_job_ = false;
}

void Domain::lose_libvirtd(const std::string& why) {
    libvirtd_away_ = true;
    hold(why);
}

void Domain::found_libvirtd() {
    libvirtd_away_ = false;
    changed_.notify_all();
}

// Whoever is being served learns of it by losing the connection, and reads the note.
void Domain::hold(const std::string& why) {
    if (note_.held != why) {
        log_info({vm_, ": ", why}, {{"VM", vm_}});
        note_.held = why;
        publish();
    }
    if (client_) client_->end();
}

void Domain::release() {
    if (note_.held.empty()) return;
    log_info({vm_, ": libvirt leaves it to us"}, {{"VM", vm_}});
    note_.held.clear();
    publish();
}

void Domain::publish() {
    if (stopped_) return;
    const std::string path = options_.directory + "/" + vm_ + ".json";
    const int error = replace_file(path, write_bridge_note(note_));
    if (error == 0) ::chmod(path.c_str(), 0644);
    if (error != 0) log_error({"cannot write ", path, ": ", std::strerror(error)}, {{"VM", vm_}});
}

awaitable<void> Domain::pause() {
    co_await changed_.wait_until(SteadyClock::now() + time_between_looks);
}

}  // namespace ivshmemd::libvirt
