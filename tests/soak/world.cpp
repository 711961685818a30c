#include "tests/soak/world.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>

#include "tests/e2e/machine_state.h"
#include "tests/support/doorbell_peer.h"

namespace ivshmemd::soak {
namespace {

using namespace std::chrono_literals;

constexpr const char* interface = "io.ivshmemd.Hotplug.";
constexpr auto patience = 120s;
constexpr std::size_t storming_peers = 30;

constexpr std::size_t longest_log = 20'000;

// As long as no device keeps it, a region of a megabyte for each name.
constexpr std::uint64_t region_size = 1 << 20;  // bytes

Deadline long_deadline() {
    return Deadline::after(patience);
}

// Without the monitors, whose names change when a machine moves, and which may have a client or
// not.
json state_of(QemuVm& vm) {
    json state = machine_state(vm);
    json others(json::array());
    for (const json& chardev : state["query-chardev"]) {
        if (!chardev.value("label", "").starts_with("compat_monitor")) others.push_back(chardev);
    }
    state["query-chardev"] = others;
    return state;
}

bool is_ours(const std::string& name) {
    return name.starts_with("ivshmemd.");
}

}  // namespace

World::World(std::uint64_t seed) : random_(static_cast<unsigned>(seed)) {
    for (const char* machine : {"pc", "q35"}) {
        for (int i = 0; i < 2; ++i) {
            const std::string name = machine + std::to_string(i);
            names_.push_back(name);
            Machine& each = machines_[name];
            each.options.name = name;
            each.options.machine = machine;
            each.options.root_ports = each.options.machine == "q35" ? 12 : 0;
            start(name);
        }
    }
    server_.emplace();
    DaemonOptions options;
    options.vm_dir = dir_.path();
    options.region_dir = regions_.path();
    options.extra = {"--log-level", "debug"};
    options.fd_store = true;
    daemon_.emplace(options);
    settle();
}

void World::start(const std::string& name) {
    Machine& machine = machines_.at(name);
    machine.qemu.reset();
    machine.qemu = std::make_unique<QemuVm>(dir_.path(), machine.options);
    empty_[name] = state_of(*machine.qemu);
}

const std::string& World::any_vm() {
    return names_[below(names_.size())];
}

void World::reset(const std::string& vm) {
    machines_.at(vm).qemu->spy().call("system_reset");
}

void World::kill_vm(const std::string& vm) {
    machines_.at(vm).qemu->kill();
    start(vm);
}

void World::stop_vm_for_a_moment(const std::string& vm) {
    machines_.at(vm).qemu->signal(SIGSTOP);
    call("ListDevices", json::object());
    machines_.at(vm).qemu->signal(SIGCONT);
}

void World::kill_daemon() {
    daemon_->kill();
    daemon_->start();
}

void World::stop_daemon_for_a_moment() {
    daemon_->process().signal(SIGSTOP);
    std::this_thread::sleep_for(std::chrono::milliseconds(below(300)));
    daemon_->process().signal(SIGCONT);
}

void World::kill_server() {
    server_.reset();
    server_.emplace();
}

void World::storm() {
    std::vector<std::unique_ptr<DoorbellPeer>> peers;
    for (std::size_t i = 0; i < storming_peers; ++i) {
        peers.push_back(std::make_unique<DoorbellPeer>(server_->socket(), long_deadline()));
    }
}

std::string World::migrate(const std::string& vm) {
    Machine& source = machines_.at(vm);
    VmOptions options = source.options;
    const std::filesystem::path channel = dir_ / ("channel" + std::to_string(migrations_));
    options.name = vm.substr(0, vm.find('-')) + "-" + std::to_string(++migrations_);
    options.extra = {"-incoming", "unix:" + channel.string()};
    auto target = std::make_unique<QemuVm>(dir_.path(), options);
    const json reply = call("Migrate", {{"vm", vm}, {"uri", "unix:" + channel.string()}});
    const std::string error = reply.value("error", "");
    if (!error.empty()) return error;
    source.qemu->quit();
    options.extra.clear();  // when it is started again
    machines_[options.name] = {options, std::move(target)};
    empty_[options.name] = empty_.at(vm);
    machines_.erase(vm);
    std::replace(names_.begin(), names_.end(), vm, options.name);
    return "";
}

json World::call(const std::string& method, const json& parameters) {
    VarlinkClient client(daemon_->socket());
    return client.call(interface + method, parameters, long_deadline());
}

std::vector<json> World::call_together(const std::vector<std::pair<std::string, json>>& calls,
                                       const std::function<void()>& meanwhile) {
    daemon_->notify().stored();  // as a service manager, which takes what it is told
    std::vector<VarlinkClient> clients;
    for (const auto& [method, parameters] : calls) {
        clients.emplace_back(daemon_->socket());
        clients.back().send(interface + method, parameters);
    }
    if (meanwhile) meanwhile();
    std::vector<json> replies;
    for (VarlinkClient& client : clients) {
        try {
            replies.push_back(client.next_reply(long_deadline()));
        } catch (const std::runtime_error&) {
            replies.emplace_back();  // its daemon is another one's predecessor
        }
    }
    return replies;
}

json World::attach_request(const std::string& vm, std::size_t number, bool with_server) {
    const std::string name = (with_server ? "bell" : "mem") + std::to_string(number);
    json request{{"vm", vm}, {"name", name}};
    if (with_server) {
        request["server"] = server_->socket();
    } else {
        request["size"] = region_size;
        request["region"] = number % 2 == 0 ? "shared" : vm + "." + name;
    }
    return request;
}

std::vector<json> World::devices() {
    const json reply = call("ListDevices", json::object());
    return reply.at("parameters").at("devices").get<std::vector<json>>();
}

void World::settle() {
    for (const std::string& name : names_) {
        if (daemon_->wait_vm_state(name, "connected", long_deadline())) continue;
        throw std::runtime_error(name +
                                 " is not connected: " + call("ListVms", json::object()).dump());
    }
}

void World::clear() {
    settle();
    const Deadline deadline = long_deadline();
    while (true) {
        const std::vector<json> left = devices();
        if (left.empty()) return;
        if (deadline.passed()) throw std::runtime_error("still there: " + left.front().dump());
        std::vector<std::pair<std::string, json>> calls;
        std::set<std::string> vms;
        for (const json& device : left) {
            calls.emplace_back(
                "Detach", json{{"vm", device["vm"]}, {"name", device["name"]}, {"timeoutMs", 0}});
            vms.insert(device["vm"]);
        }
        call_together(calls);
        for (const std::string& vm : vms) reset(vm);
    }
}

std::string World::check_machine(const std::string& name, const json& devices) {
    QemuVm& vm = *machines_.at(name).qemu;
    if (!vm.alive()) return name + " has died: " + vm.err();
    std::set<std::string> shown;
    for (const json& device : devices) {
        if (device["vm"] == name) shown.insert("ivshmemd." + device["name"].get<std::string>());
    }
    std::set<std::string> there;
    for (const std::string& each : qom_names(vm, "/machine/peripheral")) {
        if (is_ours(each)) there.insert(each);
    }
    if (shown != there) {
        return name + " has other devices than are shown: " + json(there).dump() + " and not " +
               json(shown).dump();
    }
    for (const std::string& object : qom_names(vm)) {
        const std::string device = object.substr(0, object.rfind(".mem"));
        if (is_ours(object) && !there.contains(device)) return name + " has a stray " + object;
    }
    return "";
}

std::string World::check() {
    settle();
    std::string wrong;
    // What is leaving may go between two looks; what is wrong stays so.
    eventually(Deadline::after(10s), [&] {
        wrong.clear();
        const json all = devices();
        for (const std::string& name : names_) {
            if (wrong.empty()) wrong = check_machine(name, all);
        }
        return wrong.empty();
    });
    return wrong;
}

std::string World::check_clear() {
    std::string wrong = check();
    for (const std::string& name : names_) {
        const auto as_before = [&] {
            return state_of(*machines_.at(name).qemu) == empty_.at(name);
        };
        if (wrong.empty() && !eventually(Deadline::after(10s), as_before)) {
            wrong = name + " is not as before: " + state_of(*machines_.at(name).qemu).dump() +
                    " and not " + empty_.at(name).dump();
        }
    }
    return wrong;
}

std::string World::dead() {
    for (const std::string& name : names_) {
        QemuVm& vm = *machines_.at(name).qemu;
        if (!vm.alive()) return name + " has died: " + vm.err();
    }
    return "";
}

std::string World::daemon_log() {
    const std::string log = daemon_->process().err();
    return log.substr(log.size() - std::min(log.size(), longest_log));
}

std::size_t World::daemon_files() {
    return open_descriptors(daemon_->process().pid()).size();
}

std::size_t World::daemon_kib() {
    std::ifstream file("/proc/" + std::to_string(daemon_->process().pid()) + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    }
    return 0;
}

}  // namespace ivshmemd::soak
