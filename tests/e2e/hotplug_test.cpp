#include "tests/e2e/hotplug_test.h"

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tests/support/json_text.h"

namespace ivshmemd::test {

using nlohmann::json;

void HotplugTest::TearDown() {
    if (HasFailure() && daemon_) std::cerr << "ivshmemd said:\n" << daemon_->process().err();
}

void HotplugTest::start_daemon(std::initializer_list<const QemuVm*> vms, DaemonOptions options) {
    for (const QemuVm* vm : vms) options.vms.emplace_back(vm->name(), vm->qmp_socket());
    if (options.region_dir.empty()) options.region_dir = regions_.path();
    options.extra.insert(options.extra.end(), {"--log-level", "debug"});
    daemon_.emplace(std::move(options));
    for (const QemuVm* vm : vms) wait_connected(vm->name());
}

void HotplugTest::wait_connected(const std::string& vm, Deadline deadline) {
    ASSERT_TRUE(daemon_->wait_vm_state(vm, "connected", deadline)) << find_vm(*daemon_, vm);
}

Child HotplugTest::start_detach(const std::string& vm, const std::string& name,
                                const std::vector<std::string>& options) {
    std::vector<std::string> arguments{"--json=short", "detach", vm, name};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return Child(daemon_->ctl_command(arguments));
}

bool HotplugTest::wait_device_state(const std::string& vm, const std::string& name,
                                    const std::string& state) {
    return eventually(soon(), [&] {
        const json device(find_device(*daemon_, vm, name));
        return state.empty() ? device.is_null() : member(device, "state") == state;
    });
}

bool HotplugTest::wait_no_devices(const std::string& vm) {
    return eventually(soon(), [&] { return list_devices(*daemon_, vm).empty(); });
}

std::optional<int> HotplugTest::reset_until_exit(QemuVm& vm, Child& detach) {
    std::optional<int> code;
    eventually(soon(), [&] {
        if (reset_removes_) reset_machine(vm);
        find_vm(*daemon_, vm.name());
        code = detach.wait_exit(Deadline::after(std::chrono::milliseconds(500)));
        return code.has_value();
    });
    return code;
}

void HotplugTest::detach_by_reset(QemuVm& vm, const std::string& name,
                                  const std::vector<std::string>& options) {
    Child detach(start_detach(vm.name(), name, options));
    // Where nobody needs to be asked, it may be over already.
    ASSERT_TRUE(eventually(soon(), [&] {
        const json device(find_device(*daemon_, vm.name(), name));
        return device.is_null() || member(device, "state") == "detaching";
    })) << detach.err();
    EXPECT_EQ(reset_until_exit(vm, detach), 0) << detach.out() << detach.err();
    EXPECT_EQ(parse_json(detach.out()), json({{"result", "removed"}}));
}

void HotplugTest::add_foreign_device(QemuVm& vm, const std::string& id, const std::string& bus,
                                     bool anonymous) {
    const std::string backend = id + "-memory";
    const json added(vm.object_add_file(backend, regions_ / backend, 1 << 20));
    ASSERT_TRUE(added.contains("return")) << added;
    json device{{"driver", "ivshmem-plain"}, {"memdev", backend}, {"master", "on"}};
    if (!anonymous) device["id"] = id;
    if (!bus.empty()) device["bus"] = bus;
    vm.spy().call("device_add", device);
}

VmOptions HotplugTest::traced(VmOptions options) {
    options.extra.insert(options.extra.end(), {"-trace", "handle_qmp_command"});
    return options;
}

int HotplugTest::times_heard(const QemuVm& vm, const std::string& command) {
    const std::string log = vm.err(), wanted = "\"execute\": \"" + command + "\"";
    int count = 0;
    for (size_t at = log.find(wanted); at != std::string::npos; at = log.find(wanted, at + 1)) {
        ++count;
    }
    return count;
}

}  // namespace ivshmemd::test
