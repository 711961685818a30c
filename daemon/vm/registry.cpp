#include "daemon/vm/registry.h"

#include <spdlog/spdlog.h>
#include <sys/inotify.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "daemon/vm/supervisor.h"
#include "lib/names.h"

namespace ivshmemd {
namespace {

constexpr std::string_view socket_suffix = ".qmp";

// Whether this device is master of that region, in a VM that is not about to hand it over: a VM
// waiting for a migration, and one that has been migrated away, do not count.
bool is_master_of(const Vm& vm, const InventoryDevice& entry, const RegionIdentity& region) {
    if (!vm.session() || vm.run_state() == "inmigrate" || vm.run_state() == "postmigrate") {
        return false;
    }
    if (blocks_migration(entry.device)) return false;
    for (const Backend& backend : vm.inventory().backends) {
        if (backend.id == entry.backend_id && !backend.path.empty()) {
            return RegionFiles::identity(backend.path) == region;
        }
    }
    return false;
}

}  // namespace

Registry::Registry(Host& host) : host_(host) {
    host_.find_master = [this](const RegionIdentity& region, const std::string& except) {
        return master_of(region, except);
    };
}

std::string Registry::master_of(const RegionIdentity& region, const std::string& except) const {
    for (const auto& [name, vm] : vms_) {
        for (const InventoryDevice& entry : vm->inventory().devices) {
            const std::string holder = name + "/" + entry.device.spec.name;
            if (holder != except && is_master_of(*vm, entry, region)) return holder;
        }
    }
    return "";
}

void Registry::start() {
    for (const VmConfig& config : host_.config.vms) add(config);
    if (!host_.config.vm_dir) return;
    const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    const std::string& directory = *host_.config.vm_dir;
    constexpr std::uint32_t changes = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
    if (fd < 0 || ::inotify_add_watch(fd, directory.c_str(), changes) < 0) {
        spdlog::error("cannot watch {}: {}; VMs that appear there are not seen", directory,
                      std::strerror(errno));
        if (fd >= 0) ::close(fd);
        return;
    }
    notifications_ = std::make_shared<boost::asio::posix::stream_descriptor>(host_.executor, fd);
    scan();
    spawn(host_.executor, "watch of " + directory, watch());
}

void Registry::stop() {
    if (notifications_) {
        boost::system::error_code ignored;
        notifications_->close(ignored);
    }
    for (const auto& [name, vm] : vms_) vm->stop();
}

awaitable<void> Registry::watch() {
    const auto notifications = notifications_;
    std::array<char, 4096> buffer{};
    while (true) {
        const auto [error, count] =
            co_await notifications->async_read_some(boost::asio::buffer(buffer), as_result);
        if (error) co_return;
        scan();  // what changed matters less than what is there now
    }
}

void Registry::scan() {
    std::map<std::string, std::string> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(*host_.config.vm_dir, error)) {
        const std::string file = entry.path().filename();
        if (!file.ends_with(socket_suffix)) continue;
        const std::string name = file.substr(0, file.size() - socket_suffix.size());
        if (check_vm_name(name)) {
            found[name] = entry.path();
        } else if (refused_.insert(file).second) {
            spdlog::warn("ignoring {}: not a VM name", printable(file));
        }
    }
    for (const std::string& name : std::set<std::string>(watched_)) {
        if (!found.contains(name)) remove(name);
    }
    for (const auto& [name, path] : found) {
        const auto known = vms_.find(name);
        if (known != vms_.end()) {
            known->second->hurry();  // perhaps a new QEMU on the same path
            continue;
        }
        watched_.insert(name);
        add({name, path, {}});
    }
}

void Registry::add(VmConfig config) {
    const std::string name = config.name;
    const auto vm = std::make_shared<Vm>(host_, std::move(config));
    if (!vms_.emplace(name, vm).second) return;
    spawn(host_.executor, "supervisor of " + name, supervise(vm));
}

void Registry::remove(const std::string& name) {
    const auto found = vms_.find(name);
    if (found == vms_.end()) return;
    found->second->stop();
    vms_.erase(found);
    watched_.erase(name);
}

std::shared_ptr<Vm> Registry::find(const std::string& name) const {
    const auto found = vms_.find(name);
    return found == vms_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Vm>> Registry::all() const {
    std::vector<std::shared_ptr<Vm>> vms;
    for (const auto& [name, vm] : vms_) vms.push_back(vm);
    return vms;
}

}  // namespace ivshmemd
