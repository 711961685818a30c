#include "daemon/fleet/registry.h"

#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "daemon/base/log.h"
#include "daemon/supervise/supervisor.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

constexpr std::string_view socket_suffix = ".qmp";

}  // namespace

Registry::Registry(Host& host) : host_(host), scope_(host.executor, {}) {}

void Registry::start() {
    for (const VmConfig& config : host_.config.vms) add(config);
    watch_directory();
}

void Registry::follow_config() {
    const std::vector<VmConfig>& wanted = host_.config.vms;
    for (const auto& vm : all()) {
        const bool stays = std::find(wanted.begin(), wanted.end(), vm->config()) != wanted.end();
        if (!stays && !watched_.contains(vm->name())) remove(vm->name());
    }
    if (directory_ != host_.config.vm_dir) {
        stop_watching();
        for (const std::string& name : std::set<std::string>(watched_)) remove(name);
    }
    for (const VmConfig& config : wanted) {
        if (watched_.contains(config.name)) remove(config.name);  // a configured one comes first
        add(config);
    }
    if (directory_) {
        scan();  // for names that are no longer configured
    } else {
        watch_directory();
    }
}

void Registry::watch_directory() {
    if (!host_.config.vm_dir) return;
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    const std::string& directory = *host_.config.vm_dir;
    constexpr std::uint32_t changes = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
    if (fd < 0 || ::inotify_add_watch(fd, directory.c_str(), changes) < 0) {
        log_error({"cannot watch ", directory, ": ", std::strerror(errno),
                   "; VMs that appear there are not seen"});
        if (fd >= 0) ::close(fd);
        return;
    }
    directory_ = directory;
    notifications_ = std::make_shared<boost::asio::posix::stream_descriptor>(host_.executor, fd);
    scan();
    scope_.spawn("watch of " + directory, watch());
}

void Registry::stop_watching() {
    directory_.reset();
    if (!notifications_) return;
    boost::system::error_code ignored;
    notifications_->close(ignored);
    notifications_.reset();
}

void Registry::stop() {
    stopped_ = true;
    stop_watching();
    for (const auto& [name, vm] : host_.vms) vm->stop("ivshmemd is stopping");
}

awaitable<void> Registry::watch() {
    const auto notifications = notifications_;
    if (!notifications) co_return;  // given up before this began
    std::array<char, 4096> buffer{};
    while (true) {
        const auto [error, count] =
            co_await notifications->async_read_some(boost::asio::buffer(buffer), as_result);
        if (error || notifications != notifications_) co_return;
        scan();  // what changed matters less than what is there now
    }
}

void Registry::scan() {
    std::map<std::string, std::string> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(*directory_, error)) {
        const std::string file = entry.path().filename();
        if (!file.ends_with(socket_suffix)) continue;
        const std::string name = file.substr(0, file.size() - socket_suffix.size());
        if (check_vm_name(name)) {
            found[name] = entry.path();
        } else if (refused_.insert(file).second) {
            log_warning({"ignoring ", printable(file), ": not a VM name"});
        }
    }
    for (const std::string& name : std::set<std::string>(watched_)) {
        if (!found.contains(name)) remove(name);
    }
    for (const auto& [name, path] : found) {
        const auto known = host_.vms.find(name);
        if (known != host_.vms.end()) {
            known->second->link().hurry();  // perhaps a new QEMU on the same path
            continue;
        }
        watched_.insert(name);
        add({name, path, {}});
    }
}

void Registry::add(VmConfig config) {
    const std::string name = config.name;
    const auto vm = std::make_shared<Vm>(host_, std::move(config));
    if (!host_.vms.emplace(name, vm).second) return;
    host_.region_users.add(vm);
    const auto ending = ending_.find(name);
    scope_.spawn("supervisor of " + name,
                 look_after(vm, ending == ending_.end() ? nullptr : ending->second));
}

// What an earlier Vm of that name still has to end would meet this one's relays and devices.
awaitable<void> Registry::look_after(std::shared_ptr<Vm> vm, std::shared_ptr<Vm> predecessor) {
    while (predecessor && !predecessor->over()) {
        co_await predecessor->changed().wait_until(SteadyClock::time_point::max());
    }
    co_await supervise(vm);
    const auto ending = ending_.find(vm->name());
    if (ending != ending_.end() && ending->second == vm) ending_.erase(ending);
    vm->finish();
}

void Registry::remove(const std::string& name) {
    const auto found = host_.vms.find(name);
    if (found == host_.vms.end()) return;
    found->second->stop("ivshmemd no longer looks after this VM");
    ending_[name] = found->second;
    host_.vms.erase(found);
    host_.region_users.remove(name);
    watched_.erase(name);
}

std::shared_ptr<Vm> Registry::find(const std::string& name) const {
    const auto found = host_.vms.find(name);
    return found == host_.vms.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Vm>> Registry::all() const {
    std::vector<std::shared_ptr<Vm>> vms;
    for (const auto& [name, vm] : host_.vms) vms.push_back(vm);
    return vms;
}

}  // namespace ivshmemd
