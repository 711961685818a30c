#include "daemon/fleet/directory.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "daemon/base/log.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

constexpr std::string_view socket_suffix = ".qmp";

bool add_watch(int inotify, const std::string& path, const std::string& name,
               std::map<int, std::string>& watches) {
    constexpr std::uint32_t changes =
        IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
    const int watch = ::inotify_add_watch(inotify, path.c_str(), changes | IN_ONLYDIR);
    if (watch >= 0) watches[watch] = name;
    return watch >= 0;
}

}  // namespace

bool Directory::watch(const std::string& path) {
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) {
        log_error({"cannot watch ", path, ": ", std::strerror(errno),
                   "; VMs that appear there are not seen"});
        return false;
    }
    path_ = path;
    there_ = true;
    notifications_ = std::make_shared<Descriptor>(executor_, fd);
    watch_again();
    return true;
}

// The directory, and what it is in: it may be moved away and made anew. What is not there yet is
// awaited in the nearest directory that is.
Directory::Watches Directory::find_watches(bool& there) const {
    const int fd = notifications_->native_handle();
    Watches watches;
    there = add_watch(fd, *path_, "", watches);
    std::filesystem::path below = std::filesystem::absolute(*path_).lexically_normal();
    if (!below.has_filename()) below = below.parent_path();  // it ended in a slash
    while (below.has_relative_path()) {
        if (add_watch(fd, below.parent_path(), below.filename(), watches)) break;
        below = below.parent_path();
    }
    return watches;
}

void Directory::watch_again() {
    bool there = false;
    Watches watches = find_watches(there);
    // Something may have been made between a look for it and the watch on what holds it.
    for (Watches before; !there && watches != before;) {
        before = std::exchange(watches, find_watches(there));
    }
    // Each removal is an event as well, so only what is not wanted any more.
    for (const auto& [watch, name] : watches_) {
        if (!watches.contains(watch)) ::inotify_rm_watch(notifications_->native_handle(), watch);
    }
    watches_ = std::move(watches);
    if (!there && there_) log_warning({*path_, " is not there; its VMs are seen once it is"});
    if (there && !there_) log_info({*path_, " is there again"});
    there_ = there;
}

// The directory above is often a busy one.
bool Directory::concerns_us(std::string_view events) const {
    while (events.size() >= sizeof(inotify_event)) {
        inotify_event event{};
        std::memcpy(&event, events.data(), sizeof event);
        const auto watch = watches_.find(event.wd);
        const std::string_view rest = events.substr(sizeof event);
        const std::string name(rest.data(), ::strnlen(rest.data(), event.len));
        const bool is_about_itself =
            (event.mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_Q_OVERFLOW)) != 0;
        if (is_about_itself) return true;
        if (watch != watches_.end() && (watch->second.empty() || watch->second == name))
            return true;
        events = rest.substr(event.len);
    }
    return false;
}

void Directory::stop() {
    path_.reset();
    watches_.clear();
    if (!notifications_) return;
    boost::system::error_code ignored;
    notifications_->close(ignored);
    notifications_.reset();
}

std::map<std::string, std::string> Directory::scan() {
    std::map<std::string, std::string> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(*path_, error)) {
        const std::string file = entry.path().filename();
        if (!file.ends_with(socket_suffix)) continue;
        const std::string name = file.substr(0, file.size() - socket_suffix.size());
        if (check_vm_name(name)) {
            found[name] = entry.path();
        } else if (refused_.insert(file).second) {
            log_warning({"ignoring ", printable(file), ": not a VM name"});
        }
    }
    return found;
}

awaitable<bool> Directory::changed() {
    // What changed matters less than what is there now.
    std::array<char, 4096> buffer{};
    while (true) {
        const auto notifications = notifications_;
        if (!notifications) co_return false;
        const auto [error, count] =
            co_await notifications->async_read_some(boost::asio::buffer(buffer), as_result);
        if (error || notifications != notifications_) co_return false;
        if (concerns_us({buffer.data(), count})) break;
    }
    watch_again();
    co_return true;
}

}  // namespace ivshmemd
