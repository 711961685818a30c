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

}  // namespace

bool Directory::watch(const std::string& path) {
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    constexpr std::uint32_t changes = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
    if (fd < 0 || ::inotify_add_watch(fd, path.c_str(), changes) < 0) {
        log_error({"cannot watch ", path, ": ", std::strerror(errno),
                   "; VMs that appear there are not seen"});
        if (fd >= 0) ::close(fd);
        return false;
    }
    path_ = path;
    notifications_ = std::make_shared<boost::asio::posix::stream_descriptor>(executor_, fd);
    return true;
}

void Directory::stop() {
    path_.reset();
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
    const auto notifications = notifications_;
    if (!notifications) co_return false;
    // What changed matters less than what is there now.
    std::array<char, 4096> buffer{};
    const auto [error, count] =
        co_await notifications->async_read_some(boost::asio::buffer(buffer), as_result);
    co_return !error && notifications == notifications_;
}

}  // namespace ivshmemd
