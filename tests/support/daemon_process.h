#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/notify_socket.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/varlink_client.h"

namespace ivshmemd::test {

struct DaemonOptions {
    std::vector<std::pair<std::string, std::filesystem::path>> vms = {};  // name, monitor
    std::filesystem::path vm_dir = {};                                    // none when empty
    std::filesystem::path region_dir = {};  // its own below /dev/shm when empty
    std::vector<std::string> extra = {};    // more arguments
    std::map<std::string, std::string> env = {};
    bool fd_store = false;               // pass what the last one left with the service manager
    std::optional<uid_t> user = {};      // runs as this user instead of ours
    std::vector<gid_t> groups = {};      // and in these groups
    std::filesystem::path program = {};  // where this user can reach the program
};

struct CtlResult {
    int exit_code = -1;
    std::string out, err;

    /// Standard output as JSON; throws with both streams when it is none.
    nlohmann::json json() const;
};

/// A real ivshmemd on a private socket, state and region directory. The directories live as long as
/// this object, over stop(), kill() and start(), as they do on a host.
class DaemonProcess {
  public:
    /// Starts it and waits until it says READY.
    explicit DaemonProcess(DaemonOptions options = {});
    ~DaemonProcess();

    void start();
    /// SIGTERM; the exit code. Throws when it does not end in time.
    int stop();
    void kill();  // SIGKILL

    std::filesystem::path socket() const { return dir_ / "ivshmemd.sock"; }
    std::filesystem::path state_dir() const { return dir_ / "state"; }
    const std::filesystem::path& region_dir() const { return options_.region_dir; }
    Child& process() { return *process_; }
    NotifySocket& notify() { return notify_; }

    /// Runs ivshmemctl with --json=short.
    CtlResult ctl(const std::vector<std::string>& arguments, Deadline deadline = soon()) const;
    /// Runs it as a person would, without --json.
    CtlResult ctl_text(const std::vector<std::string>& arguments, Deadline deadline = soon()) const;
    /// The command line, for a Child that goes on in the background.
    Command ctl_command(const std::vector<std::string>& arguments) const;

    /// One call of the API by its own client, on a connection of its own; `method` without its
    /// interface. The whole reply.
    nlohmann::json varlink(const std::string& method, const nlohmann::json& parameters,
                           Deadline deadline = soon()) const;

    /// Waits until the daemon reports this state for the VM.
    bool wait_vm_state(const std::string& vm, const std::string& state, Deadline deadline) const;

  private:
    void pass_stored(Command& command);

    TempDir dir_;
    TempDir default_regions_ = TempDir::shared_memory();
    DaemonOptions options_;
    NotifySocket notify_;
    std::optional<Child> process_;
};

}  // namespace ivshmemd::test
