#include "daemon/fleet/registry.h"

#include <algorithm>

#include "daemon/supervise/supervisor.h"

namespace ivshmemd {

Registry::Registry(Host& host)
    : host_(host), scope_(host.executor, {}), directory_(host.executor) {}

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
    if (directory_.path() != host_.config.vm_dir) {
        directory_.stop();
        for (const std::string& name : std::set<std::string>(watched_)) remove(name);
    }
    for (const VmConfig& config : wanted) {
        if (watched_.contains(config.name)) remove(config.name);  // a configured one comes first
        add(config);
    }
    if (directory_.path()) {
        scan();  // for names that are no longer configured
    } else {
        watch_directory();
    }
}

void Registry::watch_directory() {
    if (!host_.config.vm_dir || !directory_.watch(*host_.config.vm_dir)) return;
    scan();
    scope_.spawn("watch of " + *host_.config.vm_dir, watch());
}

void Registry::stop() {
    stopped_ = true;
    directory_.stop();
    for (const auto& [name, vm] : host_.vms) vm->stop("ivshmemd is stopping");
}

awaitable<void> Registry::watch() {
    while (true) {
        const bool watched = co_await directory_.changed();
        if (!watched) co_return;
        scan();
    }
}

void Registry::scan() {
    const std::map<std::string, std::string> found = directory_.scan();
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
