#include "tests/bench/fake_herd.h"

#include <stdexcept>
#include <thread>

#include "tests/bench/running.h"
#include "tests/e2e/machine_state.h"

namespace ivshmemd::bench {

using nlohmann::json;
using namespace test;

namespace {

constexpr std::uint64_t shared_size = 1 << 20;  // bytes

json spell_attach(const std::string& vm) {
    return {{"vm", vm}, {"name", "x"}, {"region", "shared"}, {"size", shared_size}};
}

}  // namespace

FakeHerd::FakeHerd(std::size_t machines, const std::filesystem::path& program)
    : size_(machines), fakes_(fake_machines(fake_monitors(directory_.path(), machines))) {
    make_file(regions_ / "shared", shared_size);
    DaemonOptions options;
    options.vms = fake_monitors(directory_.path(), machines);
    options.region_dir = regions_.path();
    options.program = program;
    options.extra = {"--log-level", "warning"};
    daemon_.emplace(options);
    const Deadline deadline = boot_deadline();
    while (connected() < machines) {
        if (deadline.passed()) throw std::runtime_error("not all machines are connected");
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

void FakeHerd::attach(VarlinkClient& client, const std::string& vm) {
    success(client.call("io.ivshmemd.Hotplug.Attach", spell_attach(vm), boot_deadline()));
}

void FakeHerd::detach(VarlinkClient& client, const std::string& vm) {
    success(
        client.call("io.ivshmemd.Hotplug.Detach", {{"vm", vm}, {"name", "x"}}, boot_deadline()));
}

void FakeHerd::attach_each(std::size_t begin, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        client(i).send("io.ivshmemd.Hotplug.Attach", spell_attach(name_of(begin + i)));
    }
    for (std::size_t i = 0; i < count; ++i) success(client(i).next_reply());
}

void FakeHerd::attach_many(std::size_t begin, std::size_t count) {
    json names(json::array());
    for (std::size_t i = 0; i < count; ++i) names.push_back(name_of(begin + i));
    success(client(0).call("io.ivshmemd.Hotplug.AttachMany",
                           {{"vms", names}, {"name", "x"}, {"region", "shared"}}));
}

void FakeHerd::detach(std::size_t begin, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        client(i).send("io.ivshmemd.Hotplug.Detach", {{"vm", name_of(begin + i)}, {"name", "x"}});
    }
    for (std::size_t i = 0; i < count; ++i) success(client(i).next_reply());
}

std::size_t FakeHerd::connected() {
    const json reply = client(0).call("io.ivshmemd.Hotplug.ListVms", json::object());
    std::size_t count = 0;
    for (const json& vm : reply["parameters"]["vms"]) count += vm["state"] == "connected";
    return count;
}

VarlinkClient& FakeHerd::client(std::size_t number) {
    while (clients_.size() <= number) clients_.emplace_back(daemon_->socket());
    return clients_[number];
}

}  // namespace ivshmemd::bench
