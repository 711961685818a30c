#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/daemon/api/api_fixture.h"
#include "tests/daemon/fake_migration.h"
#include "tests/daemon/faults/bell.h"

namespace ivshmemd::test {

struct Fault;

/// One run of an operation: a daemon with its API, VM "a" with things of others in it, a doorbell
/// server and a client, all by a clock of their own. Every exchange with QEMU is written down, and
/// one of them may fail.
class Scene : public ApiFixture {
  public:
    Scene();
    void TestBody() override {}

    // -- What a story is made of
    FakePc& pc() { return pc_; }
    FakeMigration& migration() { return migration_; }
    Host& host() { return host_; }
    std::shared_ptr<Vm> machine() { return vm(); }
    std::string server() const { return bell_.path(); }
    std::string region(const std::string& name) const { return region_path(name); }
    /// Serves clients, and waits until VM "a" is connected.
    void open();
    /// A device that is there before the operation.
    void attach_first(const DeviceRequest& request);
    /// The operation is a call, or this.
    void call(const std::string& method, const json& parameters);
    /// A later call of the same client, whose connection stands for something.
    void call_again(const std::string& method, const json& parameters);
    void declare(std::vector<DeviceRequest> devices) {
        host_.config.declarations = {{"a", std::move(devices)}};
    }
    void reload();
    bool has(const std::string& name) const { return pc_.has_device("ivshmemd." + name); }

    // -- What a fault is made of
    void drop_client() { client_.reset(); }
    /// A state that could not be written is, with its next change.
    void forgive_state_file() { state_file_is_old_ = true; }
    void release() { pc_.qemu().release_held(); }
    void later(Milliseconds time, std::function<void()> action);
    /// QEMU's process ends, and another one comes after a while.
    void end_qemu();

    // -- The run
    /// From now on exchanges are written down; that one of this command has the fault, counted from
    /// nought.
    void watch(const std::string& command = "", std::size_t which = 0,
               const Fault* fault = nullptr);
    /// Until the call is answered and nothing is left to be done; what does not come to its end is
    /// a problem.
    std::vector<std::string> converge();
    /// Runs for that long by the clock.
    void pass(Milliseconds time);
    /// Stops the daemon, as every test does.
    void end();
    std::vector<std::string> exchanges() const;

    /// The last reply to the call; null while there is none.
    const json& reply() const { return reply_; }
    /// Whether the client that is there has the VM held.
    bool is_held() const;
    std::string error() const;  // its name; empty for success
    /// What happened, for whoever looks at a failing cell.
    std::string diary() const;
    int final_replies() const { return final_replies_; }
    bool called() const { return called_; }
    bool has_client() const { return client_.has_value(); }
    bool has_struck() const;
    bool qemu_died() const { return died_; }
    bool is_answered() const { return !called_ || !client_ || !reply_.is_null(); }

    /// A region that is to stay without a user.
    void keep_region(const std::string& name) { kept_regions_.insert(region_path(name)); }
    /// What differs between QEMU, the daemon, its files and its records; empty when nothing does.
    std::vector<std::string> contradictions();

  private:
    struct Later {
        SteadyClock::time_point when;
        std::function<void()> action;
    };

    void put_things_of_others();
    void tick();
    std::string unsettled();
    FakeQemu::Staging direct(const nlohmann::json& request);
    void compare_devices(std::vector<std::string>& found);
    void compare_qemu(std::vector<std::string>& found);
    void compare_files(std::vector<std::string>& found);
    void compare_records(std::vector<std::string>& found);
    void compare_relays(std::vector<std::string>& found);
    bool is_named(const std::string& text) const;

    FakeMigration migration_{pc_};
    Bell bell_;
    std::optional<Client> client_;
    bool called_ = false;
    json reply_ = nullptr;
    std::string told_;  // in all final replies
    int final_replies_ = 0;
    std::vector<Later> later_;
    bool died_ = false;
    bool state_file_is_old_ = false;
    std::set<std::string> kept_regions_;

    mutable std::mutex mutex_;  // the fake's thread asks for a direction
    std::vector<std::string> exchanges_;
    std::string command_;
    std::size_t before_ = 0;  // of this command, those that have no fault
    bool struck_ = false;
    const Fault* fault_ = nullptr;
    bool acted_ = false;
};

}  // namespace ivshmemd::test
