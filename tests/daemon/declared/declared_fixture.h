#pragma once

#include "daemon/reload.h"
#include "daemon/state/declared.h"
#include "tests/daemon/vm/operation_fixture.h"

namespace ivshmemd::test {

/// VMs whose devices the configuration declares.
class DeclaredFixture : public OperationFixture {
  protected:
    DeclaredFixture() { host_.config.log_level = "off"; }

    void declare(std::vector<DeviceRequest> devices) {
        host_.config.declarations = {{"a", std::move(devices)}};
    }

    void reload(std::vector<DeviceRequest> devices) {
        Config config = host_.config;
        config.declarations = {{"a", std::move(devices)}};
        apply_config(host_, registry_, std::move(config));
    }

    bool has(const std::string& name) const { return pc_.has_device("ivshmemd." + name); }

    /// Until nothing is to be done any more. Also where nothing was.
    bool wait_settled() {
        // Who gets to know a VM is behind the gate until that is done.
        return loop_.run_until(
            [this] { return !vm()->turn().busy() && !vm()->declared().settling(); });
    }

    bool wait_attached(const std::string& name) {
        return loop_.run_until([&] {
            const auto device = vm()->device(name);
            return device && device->state == DeviceState::attached;
        }) && wait_settled();
    }

    std::string failure_of(const std::string& name) {
        const auto& failures = vm()->declared().failures();
        const auto found = failures.find(name);
        return found == failures.end() ? "" : found->second;
    }

    DeclaredRecord record(const std::string& name) {
        return declared_record(*host_.store, vm()->name(), name).value_or(DeclaredRecord{});
    }

    void reconnect() {
        const auto session = vm()->session();
        pc_.qemu().disconnect();
        ASSERT_TRUE(loop_.run_until([&] { return vm()->session() != session && vm()->session(); }));
        ASSERT_TRUE(wait_settled());
    }
};

}  // namespace ivshmemd::test
