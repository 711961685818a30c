#include "tests/bench/machine_pair.h"

#include <stdexcept>

#include "tests/bench/running.h"
#include "tests/e2e/machine_state.h"

namespace ivshmemd::bench {

using nlohmann::json;
using namespace test;

namespace {

constexpr std::uint64_t pair_region_size = 1 << 20;  // bytes

}  // namespace

MachinePair::MachinePair()
    : ours_(directory_.path(), {.name = "ours", .guest = true}),
      raw_(directory_.path(), {.name = "raw", .guest = true}) {
    ours_.wait_guest_ready();
    raw_.wait_guest_ready();
    make_file(regions_ / "shared", pair_region_size);
    DaemonOptions options;
    options.vms = {{"ours", ours_.qmp_socket()}};
    options.region_dir = regions_.path();
    daemon_.emplace(options);
    daemon_->wait_vm_state("ours", "connected", soon());
    client_.emplace(daemon_->socket());
}

void MachinePair::attach() {
    success(client_->call(
        "io.ivshmemd.Hotplug.Attach",
        {{"vm", "ours"}, {"name", "x"}, {"region", "shared"}, {"size", pair_region_size}}));
}

void MachinePair::detach() {
    success(client_->call("io.ivshmemd.Hotplug.Detach", {{"vm", "ours"}, {"name", "x"}}));
}

void MachinePair::attach_by_ctl() {
    const CtlResult result = daemon_->ctl({"attach", "ours", "x", "--region", "shared"});
    if (result.exit_code != 0) throw std::runtime_error(result.err);
}

void MachinePair::attach_by_hand() {
    const auto [memory, device] = next_device();
    const json place{{"path", "/machine/peripheral/x"}, {"property", "parent_bus"}};
    raw_.spy().call("object-add", memory);
    raw_.spy().call_together({{"device_add", device}, {"qom-get", place}});
}

void MachinePair::attach_blindly() {
    const auto [memory, device] = next_device();
    raw_.spy().call_together({{"object-add", memory}, {"device_add", device}});
}

void MachinePair::detach_by_hand() {
    raw_.spy().call("device_del", {{"id", "x"}});
    await_departure();
}

void MachinePair::detach_both() {
    client_->send("io.ivshmemd.Hotplug.Detach", {{"vm", "ours"}, {"name", "x"}});
    detach_by_hand();
    success(client_->next_reply());
}

void MachinePair::await_departure() {
    raw_.spy().wait_event("DEVICE_DELETED", boot_deadline(),
                          [](const json& data) { return data.value("device", "") == "x"; });
    raw_.spy().call("object-del", {{"id", backend()}});
}

std::pair<json, json> MachinePair::next_device() {
    static constexpr char digits[] = "0123456789abcdef";
    ++generation_;
    // Each time another one: a guest may still be busy with the last.
    const std::string slot{'1', digits[generation_ % 16]};
    const json memory{{"qom-type", "memory-backend-file"},
                      {"id", backend()},
                      {"size", pair_region_size},
                      {"mem-path", regions_ / "shared"},
                      {"share", true}};
    const json device{{"driver", "ivshmem-plain"}, {"id", "x"},      {"memdev", backend()},
                      {"master", "off"},           {"bus", "pci.0"}, {"addr", slot}};
    return std::pair(memory, device);
}

}  // namespace ivshmemd::bench
