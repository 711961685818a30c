#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tests/daemon/fake_descriptors.h"
#include "tests/support/fake_qemu.h"
#include "tests/support/file_descriptor.h"

namespace ivshmemd::test {

/// Where QOM has the devices with an id.
inline const std::string peripheral = "/machine/peripheral/";

/// A machine of type pc behind a fake monitor: it keeps a model of its objects and devices, answers
/// the daemon's questions from it, and refuses what a QEMU 7.2 refuses, in its words. What would
/// kill a real one is noted in failure().
class FakePc {
  public:
    using Json = nlohmann::json;

    struct Device {
        std::string driver = "ivshmem-plain";
        int slot = 30;
        std::string backend;
        std::string master = "off";
        bool mapped = true;
        bool asked = false;  // to leave
        std::string chardev = {};
        Json given = nullptr;  // what device_add said
        int link = 0;          // its number on the bus, which no other gets
    };
    struct Backend {
        std::string path;
        std::uint64_t size = 0;
        bool used = false;  // by a device, at any time
        std::shared_ptr<FileDescriptor> file = open_file(path);

        static std::shared_ptr<FileDescriptor> open_file(const std::string& path);
    };

    /// How the guest takes a request to let a device go.
    enum class Guest { lets_go, keeps, refuses };

    explicit FakePc(std::string uuid = "11111111-0000-0000-0000-000000000000");
    ~FakePc();

    FakeQemu& qemu() { return qemu_; }
    void listen(const std::filesystem::path& socket) { qemu_.listen(socket); }

    void set_guest(Guest guest);
    void set_run_state(const std::string& state, const std::string& event = "");

    // What the machine has
    void put_device(const std::string& id, const Device& device);
    void put_backend(const std::string& id, const Backend& backend);
    /// It opens files of its own by the names it is given, as in a container.
    void see_other_files() { sees_other_files_ = true; }
    bool has_device(const std::string& id) const;
    bool has_backend(const std::string& id) const;
    bool has_chardev(const std::string& id) const;
    void put_chardev(const std::string& id);
    /// All of it, to be compared: devices, backends and chardevs by id, and descriptors that were
    /// passed by name and not taken.
    Json holdings() const;
    Json given(const std::string& id) const;
    int slot_of(const std::string& id) const;

    /// The guest ejects a device: it goes, and DEVICE_DELETED is sent.
    void eject(const std::string& id);
    /// The two halves of that: QEMU says it some time after QOM has lost the device.
    void take_out(const std::string& id);
    void tell_deleted(const std::string& id);

    /// Its process ends, and another one comes, with nothing of what this one had. To be told to
    /// listen again.
    void die();
    /// Whether it has nothing to do until somebody else does something.
    bool is_idle() const { return (is_holding_ || qemu_.is_idle()) && descriptors_.is_idle(); }

    // Trouble
    using Handler = FakeQemu::Handler;
    /// Replaces one command's behaviour; the handler may still call real().
    void on(const std::string& command, Handler handler);
    Json real(const std::string& command, const Json& arguments);
    /// This command is not answered, and nothing after it, until release().
    void hold(const std::string& command);
    void release();
    /// Nothing is answered any more except out of band: the main loop is blocked for good.
    void mute(bool mute);
    /// A RAM block that stands although its backend is gone; an empty name ends that.
    void linger(const std::string& backend);
    /// A chardev that stays busy for as many attempts to remove it.
    void keep_chardevs_busy(int attempts);
    /// A backend that cannot be deleted.
    void pin_backend(const std::string& id);

    std::size_t count(const std::string& command) const;  // times it was received
    std::vector<Json> qemu_received() const { return qemu_.received(); }
    FakeDescriptors& descriptors() { return descriptors_; }
    std::string failure() const;

  private:
    void install(const std::string& command, Json (FakePc::*method)(const Json&));
    Json dispatch(const std::string& command, const Json& arguments);
    Json query_pci(const Json&);
    Json query_status(const Json&);
    Json query_uuid(const Json&);
    Json query_chardev(const Json&);
    Json qom_list(const Json& arguments);
    Json qom_get(const Json& arguments);
    Json get_of_device(const Device& device, const std::string& property) const;
    Json get_of_backend(const Backend& backend, const std::string& property) const;
    Json list_types(const Json&);
    Json list_properties(const Json& arguments);
    Json object_add(const Json& arguments);
    Json object_del(const Json& arguments);
    Json device_add(const Json& arguments);
    Json device_del(const Json& arguments);
    Json getfd(const Json& arguments);
    Json closefd(const Json& arguments);
    Json add_fd(const Json& arguments);
    Json remove_fd(const Json& arguments);
    void detach_descriptors(const std::string& id);
    Json chardev_add(const Json& arguments);
    Json chardev_remove(const Json& arguments);
    Json add_with_backend(const Json& arguments, Device device);
    Json add_with_chardev(const Json& arguments, Device device);
    Json info_ramblock(const Json&);
    Json no_migration(const Json&);
    Json yank(const Json&);
    void insert(const std::string& id, Device device);
    Json list_root() const;
    Json get_of_root(const std::string& property) const;
    bool is_taken(int slot) const;

    std::string uuid_;
    mutable std::mutex mutex_;  // the fake's thread answers, the test's changes
    std::condition_variable changed_;
    std::string held_;
    std::atomic<bool> is_holding_ = false;
    bool muted_ = false;
    Guest guest_ = Guest::lets_go;
    std::string run_state_ = "running";
    std::map<std::string, Device> devices_;
    int last_link_ = 1;  // after the host bridge's and the chipset's
    std::map<std::string, Backend> backends_;
    std::atomic<bool> sees_other_files_ = false;
    std::set<std::string> pinned_;
    std::map<std::string, FileDescriptor> fds_;  // passed and not taken, by name
    FakeDescriptors descriptors_;
    std::map<std::string, std::string> chardevs_;  // id -> name of its descriptor
    int busy_attempts_ = 0;
    std::string lingering_;
    std::string failure_;
    std::map<std::string, Json (FakePc::*)(const Json&)> methods_;
    std::map<std::string, Handler> overrides_;
    FakeQemu qemu_;  // last: its thread uses all of the above
};

}  // namespace ivshmemd::test
