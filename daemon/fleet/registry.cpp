#include "daemon/fleet/registry.h"

#include <algorithm>
#include <utility>

#include "daemon/base/log.h"
#include "daemon/supervise/supervisor.h"

namespace ivshmemd {

Registry::Registry(Host& host) : host_(host), scope_(host.executor, {}) {}

void Registry::start() {
    for (const VmConfig& config : host_.config.vms) add(config);
    watch_directories();
    scan();
}

void Registry::follow_config() {
    const std::vector<VmConfig>& wanted = host_.config.vms;
    for (const auto& vm : all()) {
        const bool stays = std::find(wanted.begin(), wanted.end(), vm->config()) != wanted.end();
        if (!stays && !watched_.contains(vm->name())) remove(vm->name());
    }
    watch_directories();
    for (const VmConfig& config : wanted) {
        if (watched_.contains(config.name)) remove(config.name);  // a configured one comes first
        add(config);
    }
    scan();  // for directories that are no longer watched, and names no longer configured
}

void Registry::watch_directories() {
    std::vector<DirectoryPointer> before = std::move(directories_);
    directories_.clear();
    for (const std::string& path : host_.config.vm_dirs) {
        const auto is_it = [&](const DirectoryPointer& each) { return each->path() == path; };
        if (std::any_of(directories_.begin(), directories_.end(), is_it)) continue;  // named twice
        const auto known = std::find_if(before.begin(), before.end(), is_it);
        if (known != before.end()) {
            directories_.push_back(*known);
            before.erase(known);
            continue;
        }
        const auto directory = std::make_shared<Directory>(host_.executor);
        if (!directory->watch(path)) continue;
        directories_.push_back(directory);
        scope_.spawn("watch of " + path, watch(directory));
    }
    for (const DirectoryPointer& each : before) each->stop();
}

void Registry::stop() {
    stopped_ = true;
    for (const DirectoryPointer& each : directories_) each->stop();
    directories_.clear();
    for (const auto& [name, vm] : host_.vms) vm->stop("ivshmemd is stopping");
}

awaitable<void> Registry::watch(DirectoryPointer directory) {
    while (true) {
        const bool watched = co_await directory->changed();
        if (!watched) co_return;
        scan();
    }
}

// By VM name.
std::map<std::string, std::string> Registry::find_sockets() {
    std::map<std::string, std::string> found;
    for (const DirectoryPointer& directory : directories_) {
        for (const auto& [name, path] : directory->scan()) {
            const auto [place, is_new] = found.emplace(name, path);
            if (is_new) continue;
            const auto vm = find(name);
            const bool is_known = vm && vm->config().qmp_socket == path;
            const std::string refused = is_known ? std::exchange(place->second, path) : path;
            warn_once("VM " + name + " is the one at " + place->second +
                      "; refusing another of that name at " + refused);
        }
    }
    return found;
}

void Registry::warn_once(const std::string& text) {
    if (warned_.insert(text).second) log_warning({text});
}

void Registry::scan() {
    const std::map<std::string, std::string> found = find_sockets();
    for (const std::string& name : std::set<std::string>(watched_)) {
        const auto place = found.find(name);
        const bool stays = place != found.end() && find(name)->config().qmp_socket == place->second;
        if (!stays) remove(name);
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
