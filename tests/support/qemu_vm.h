#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/guest_console.h"
#include "tests/support/process.h"
#include "tests/support/qmp_client.h"

namespace ivshmemd::test {

struct VmOptions {
    std::string name = "vm0";
    std::string architecture = "x86_64";     // or aarch64, ppc64, ...
    std::string machine = "pc";              // or q35, virt; more properties may follow a comma
    int root_ports = 0;                      // pcie-root-ports rp0, rp1, ... (for q35)
    std::string root_port_options = {};      // of each, e.g. "pref64-reserve=64M"
    bool guest = false;                      // boot the test guest
    bool paused = false;                     // stay in prelaunch
    std::vector<std::string> extra = {};     // more arguments for QEMU
    std::vector<std::string> launcher = {};  // before its command line, such as as_user()
    std::filesystem::path guest_files = {};  // where the guest is; guest_dir() when empty
};

/// A real QEMU with two monitors: `<dir>/<name>.qmp` for the daemon under test, which it finds
/// there in a watched directory, and one for the test itself. Killed with this object.
class QemuVm {
  public:
    QemuVm(const std::filesystem::path& dir, VmOptions options);
    ~QemuVm();

    const std::string& name() const { return options_.name; }
    std::filesystem::path qmp_socket() const { return dir_ / (options_.name + ".qmp"); }
    QmpClient& spy() { return *spy_; }
    int version() const { return spy_->version(); }

    pid_t pid() const { return process_->pid(); }
    bool alive() { return process_->alive(); }
    void signal(int number) { process_->signal(number); }
    std::optional<int> wait_exit(Deadline deadline) { return process_->wait_exit(deadline); }
    std::string err() const { return process_->err(); }
    void kill();
    void quit();
    void pause();
    void resume();

    void wait_guest_ready(Deadline deadline = boot_deadline()) { console_->wait_ready(deadline); }
    GuestResult guest(const std::string& command, Deadline deadline = boot_deadline());
    GuestConsole& console() { return *console_; }

    /// Adds the backend `id` as this version wants it spelled; the whole reply.
    nlohmann::json object_add_file(const std::string& id, const std::filesystem::path& file,
                                   uint64_t size);

    /// $QEMU_SYSTEM_X86_64 (or _AARCH64, ...), else qemu-system-x86_64.
    static std::string binary(const std::string& architecture = "x86_64");
    /// Of the one for x86_64, before any is started; as version().
    static int installed_version();
    static std::filesystem::path guest_dir(const std::string& architecture = "x86_64");
    /// Whether there is such a QEMU, and a guest for it.
    static bool available(const std::string& architecture = "x86_64");
    static bool guest_available(const std::string& architecture = "x86_64");

  private:
    std::vector<std::string> arguments() const;

    std::filesystem::path dir_;
    VmOptions options_;
    bool end_expected_ = false;
    std::optional<Child> process_;
    std::optional<QmpClient> spy_;
    std::optional<GuestConsole> console_;
};

/// Waits until `condition` holds, asking every 20 ms: for what the guest does, which has no event.
bool eventually(Deadline deadline, const std::function<bool()>& condition);

}  // namespace ivshmemd::test
