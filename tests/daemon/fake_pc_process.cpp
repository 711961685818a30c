#include <sys/stat.h>

#include "tests/daemon/fake_pc.h"

// The machine as a process: all that it holds, and its end.
namespace ivshmemd::test {

using nlohmann::json;

void FakePc::put_chardev(const std::string& id) {
    const std::lock_guard lock(mutex_);
    chardevs_[id] = "";
}

json FakePc::holdings() const {
    const std::lock_guard lock(mutex_);
    json all{{"devices", json::object()},
             {"backends", json::object()},
             {"chardevs", json::array()},
             {"passed", json::array()}};
    for (const auto& [id, device] : devices_) {
        all["devices"][id] = {{"driver", device.driver},
                              {"slot", device.slot},
                              {"master", device.master},
                              {"backend", device.backend},
                              {"chardev", device.chardev}};
    }
    for (const auto& [id, backend] : backends_) {
        struct stat status {};
        if (backend.file && *backend.file) ::fstat(backend.file->get(), &status);
        all["backends"][id] = {{"path", backend.path}, {"inode", status.st_ino}};
    }
    for (const auto& [id, name] : chardevs_) all["chardevs"].push_back(id);
    for (const auto& [name, fd] : fds_) all["passed"].push_back(name);
    return all;
}

void FakePc::die() {
    qemu_.stop();
    qemu_.take_received_fds();
    descriptors_.start_over();
    const std::lock_guard lock(mutex_);
    devices_.clear();
    backends_.clear();
    chardevs_.clear();
    fds_.clear();
    run_state_ = "running";
}

}  // namespace ivshmemd::test
