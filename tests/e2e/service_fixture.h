#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>

#include "tests/e2e/hotplug_test.h"

namespace ivshmemd::test {

/// What the administrator gave the service.
struct ServiceOptions {
    std::string config = {};   // more of its configuration
    std::string drop_in = {};  // lines of [Service]
};

/// The daemon as the service that it usually is: a user without privileges, under the sandbox of
/// its unit, with the QEMUs of other users.
class ServiceTest : public HotplugTest {
  protected:
    static constexpr uid_t alice = 61001, bob = 61002, keeper = 61003;
    static constexpr gid_t monitors = 61010;

    void SetUp() override;

    /// The monitors of the QEMUs, which the service's group may enter.
    std::filesystem::path monitor_dir();

    /// The daemon as its unit says; the directory of its socket is what systemd would make for it.
    void start_service(std::initializer_list<const QemuVm*> vms,
                       const ServiceOptions& options = {});

    /// The lines of [Service] that ivshmemd.toml(5) gives for a table, for this path.
    static std::string documented_lines(const std::string& table, const std::string& path);
};

}  // namespace ivshmemd::test
