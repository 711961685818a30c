#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/daemon_process.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/qemu_vm.h"
#include "tests/support/temp_dir.h"
#include "tests/support/varlink_client.h"

namespace ivshmemd::soak {

using nlohmann::json;
using namespace test;

/// A host with a few machines on pc and q35, a doorbell server and the daemon, any of which may be
/// killed and comes back. The machines run their firmware: it never lets a device go, a reset does.
class World {
  public:
    explicit World(std::uint64_t seed);

    // Chance
    std::size_t below(std::size_t limit) { return random_() % limit; }
    const std::string& any_vm();

    // What can be done to it
    void reset(const std::string& vm);
    void kill_vm(const std::string& vm);
    void stop_vm_for_a_moment(const std::string& vm);
    void kill_daemon();
    void stop_daemon_for_a_moment();
    void kill_server();
    void storm();
    /// Moves a machine without devices to another QEMU; the answer's error, or empty.
    std::string migrate(const std::string& vm);

    // What can be asked of it
    json call(const std::string& method, const json& parameters);
    /// All at once, each on a connection of its own, and `meanwhile` while they are under way; the
    /// replies in order. One that was cut off with a daemon is null.
    std::vector<json> call_together(const std::vector<std::pair<std::string, json>>& calls,
                                    const std::function<void()>& meanwhile = {});
    json attach_request(const std::string& vm, std::size_t number, bool with_server);
    std::vector<json> devices();

    // Order
    /// Waits until the daemon is connected to every machine again.
    void settle();
    /// Takes everything out of every machine.
    void clear();
    /// What is not as it should be, in words; empty when all is well.
    std::string check();
    /// What is left when everything was taken out.
    std::string check_clear();

    /// Which machine has ended by itself, and in what words; empty when none has.
    std::string dead();
    /// The last that the daemon said.
    std::string daemon_log();

    std::size_t daemon_files();
    std::size_t daemon_kib();

  private:
    struct Machine {
        VmOptions options;
        std::unique_ptr<QemuVm> qemu;
    };

    void start(const std::string& name);
    std::string check_machine(const std::string& name, const json& devices);

    std::minstd_rand random_;
    TempDir dir_;
    TempDir regions_ = TempDir::shared_memory();
    std::vector<std::string> names_;
    std::map<std::string, Machine> machines_;
    std::map<std::string, json> empty_;  // what QEMU held before anything was attached
    std::optional<DoorbellServer> server_;
    std::optional<DaemonProcess> daemon_;
    int migrations_ = 0;
};

}  // namespace ivshmemd::soak
