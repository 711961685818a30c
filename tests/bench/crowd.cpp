#include "tests/bench/crowd.h"

#include <stdexcept>

#include "tests/bench/running.h"
#include "tests/e2e/machine_state.h"

namespace ivshmemd::bench {

using nlohmann::json;
using namespace test;

namespace {

constexpr std::uint64_t crowd_region_size = 1 << 20;  // bytes

json spell_command(const std::string& name, const json& arguments) {
    return {{"execute", name}, {"arguments", arguments}};
}

}  // namespace

Crowd::Crowd(const std::filesystem::path& directory, const std::string& prefix, std::size_t count,
             std::vector<Kind> kinds)
    : kinds_(std::move(kinds)) {
    for (std::size_t i = 0; i < count; ++i) {
        VmOptions options{.name = prefix + std::to_string(i)};
        options.extra = {"-m", "32M"};
        options.machine = kind(i).machine;
        options.root_ports = kind(i).root_ports;
        vms_.emplace_back(directory, options);
        vms_.back().pause();
    }
}

std::vector<std::filesystem::path> Crowd::monitors() const {
    std::vector<std::filesystem::path> sockets;
    for (const QemuVm& vm : vms_) sockets.push_back(vm.qmp_socket());
    return sockets;
}

void Crowd::await_departure(const std::string& id) {
    for (QemuVm& vm : vms_) vm.spy().call("system_reset");
    for (QemuVm& vm : vms_) {
        vm.spy().wait_event("DEVICE_DELETED", boot_deadline(),
                            [&](const json& data) { return data.value("device", "") == id; });
    }
}

CrowdPair::CrowdPair(std::size_t count, const std::vector<Crowd::Kind>& kinds)
    : ours_(directory_.path(), "ours", count, kinds),
      raw_(directory_.path(), "raw", count, kinds),
      program_(raw_.monitors()) {
    make_file(regions_ / "shared", crowd_region_size);
    DaemonOptions options;
    options.region_dir = regions_.path();
    for (const QemuVm& vm : ours_.all()) options.vms.emplace_back(vm.name(), vm.qmp_socket());
    daemon_.emplace(options);
    for (const QemuVm& vm : ours_.all()) {
        if (!daemon_->wait_vm_state(vm.name(), "connected", soon())) {
            throw std::runtime_error(vm.name() + " is not connected");
        }
        names_.push_back(vm.name());
        clients_.emplace_back(daemon_->socket());
    }
}

void CrowdPair::attach_many() {
    success(clients_.front().call("io.ivshmemd.Hotplug.AttachMany",
                                  {{"vms", names_}, {"name", "x"}, {"region", "shared"}}));
}

void CrowdPair::attach_each() {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
        clients_[i].send("io.ivshmemd.Hotplug.Attach",
                         {{"vm", names_[i]}, {"name", "x"}, {"region", "shared"}});
    }
    for (VarlinkClient& client : clients_) success(client.next_reply());
}

void CrowdPair::detach() {
    VarlinkClient& client = clients_.front();
    success(client.call("io.ivshmemd.Hotplug.DetachMany",
                        {{"vms", names_}, {"name", "x"}, {"timeoutMs", 0}}));
    ours_.await_departure("ivshmemd.x");
    const auto is_empty = [&] {
        return success(client.call("io.ivshmemd.Hotplug.ListDevices", json::object()))
            .at("devices")
            .empty();
    };
    if (!eventually(soon(), is_empty)) throw std::runtime_error("a device does not leave");
}

void CrowdPair::prepare_by_hand() {
    ++generation_;
    scripts_.clear();
    for (std::size_t i = 0; i < raw_.all().size(); ++i) scripts_.push_back(script(raw_.kind(i)));
}

void CrowdPair::detach_by_hand() {
    for (QemuVm& vm : raw_.all()) vm.spy().call("device_del", {{"id", "x"}});
    raw_.await_departure("x");
    for (QemuVm& vm : raw_.all()) vm.spy().call("object-del", {{"id", backend()}});
}

ByHand::Script CrowdPair::script(const Crowd::Kind& kind) const {
    const json memory{{"qom-type", "memory-backend-file"},
                      {"id", backend()},
                      {"size", crowd_region_size},
                      {"mem-path", regions_ / "shared"},
                      {"share", true}};
    json device{{"driver", "ivshmem-plain"}, {"id", "x"}, {"memdev", backend()}, {"master", "off"}};
    // Each time another place: it rests for those who look.
    const auto ports = static_cast<unsigned>(kind.root_ports);
    device["bus"] = ports > 0 ? "rp" + std::to_string(generation_ % ports) : "pci.0";
    device["addr"] = ports > 0 ? "0" : "1" + std::string(1, "0123456789abcdef"[generation_ % 16]);
    const json place{{"path", "/machine/peripheral/x"}, {"property", "parent_bus"}};
    return {spell_command("object-add", memory),
            {spell_command("device_add", device), spell_command("qom-get", place)}};
}

}  // namespace ivshmemd::bench
