#include <poll.h>

#include <array>

#include "tests/daemon/fake_pc.h"
#include "tests/daemon/fake_pc_words.h"

// Descriptors, chardevs and the devices on them.
namespace ivshmemd::test {

using nlohmann::json;

namespace {

// An eventfd that nobody rings is what parks a number.
bool is_mute(const FileDescriptor& fd) {
    pollfd entry{fd.get(), POLLIN, 0};
    std::array<char, 64> name{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd.get());
    const bool known = ::readlink(link.c_str(), name.data(), name.size() - 1) > 0;
    return known && std::string(name.data()) == "anon_inode:[eventfd]" && ::poll(&entry, 1, 0) == 0;
}

// What QEMU says when the kernel could not give it what was sent.
json no_descriptor() {
    return generic("No file descriptor supplied via SCM_RIGHTS");
}

FileDescriptor last_of(std::vector<FileDescriptor> fds) {
    return fds.empty() ? FileDescriptor() : std::move(fds.back());
}

}  // namespace

json FakePc::getfd(const json& arguments) {
    const std::string name = text_of(arguments, "fdname");
    FileDescriptor fd = last_of(qemu_.take_received_fds());
    if (!fd || descriptors_.take("name " + name, is_mute(fd)) < 0) return no_descriptor();
    fds_[name] = std::move(fd);
    return FakeQemu::ok(json::object());
}

json FakePc::closefd(const json& arguments) {
    const std::string name = text_of(arguments, "fdname");
    descriptors_.free("name " + name);
    if (fds_.erase(name) > 0) return FakeQemu::ok(json::object());
    return generic("File descriptor named '" + name + "' not found");
}

json FakePc::add_fd(const json& arguments) {
    const FileDescriptor fd = last_of(qemu_.take_received_fds());
    if (!fd) return no_descriptor();
    const json set = member(arguments, "fdset-id");
    const int number = descriptors_.take("set " + set.dump(), fd && is_mute(fd));
    if (number < 0) return no_descriptor();
    return FakeQemu::ok({{"fdset-id", set}, {"fd", number}});
}

json FakePc::remove_fd(const json& arguments) {
    const std::string set = "set " + member(arguments, "fdset-id").dump();
    const json number = member(arguments, "fd");
    const std::string kept = "released of " + set;
    descriptors_.give(set, number.is_number() ? number.get<int>() : -1, kept);
    // As before 9.1.
    if (run_state_ == "running") descriptors_.free(kept);
    return FakeQemu::ok(json::object());
}

void FakePc::detach_descriptors(const std::string& id) {
    const auto found = devices_.find(id);
    if (found == devices_.end() || found->second.chardev.empty()) return;
    descriptors_.disconnect(found->second.chardev);
}

json FakePc::chardev_add(const json& arguments) {
    const std::string id = text_of(arguments, "id");
    const json data = member(member(arguments, "backend"), "data");
    const std::string name = text_of(member(member(data, "addr"), "data"), "str");
    if (member(data, "server") != json(false)) failure_ += id + " listens\n";
    if (chardevs_.contains(id)) {
        return generic("Chardev with id '" + id + "' already exists");
    }
    const auto found = fds_.find(name);
    if (found == fds_.end()) return generic("file descriptor named '" + name + "' not found");
    if (found->second) descriptors_.connect(id, std::move(found->second), "name " + name);
    fds_.erase(found);
    chardevs_[id] = name;
    return FakeQemu::ok(json::object());
}

json FakePc::chardev_remove(const json& arguments) {
    const std::string id = text_of(arguments, "id");
    if (!chardevs_.contains(id)) {
        return generic("Chardev '" + id + "' not found");
    }
    bool used = false;
    for (const auto& [name, device] : devices_) used = used || device.chardev == id;
    if (used || busy_attempts_-- > 0) {
        return generic("Chardev '" + id + "' is busy");
    }
    descriptors_.hang_up(id);
    descriptors_.free("name " + chardevs_[id]);
    chardevs_.erase(id);
    return FakeQemu::ok(json::object());
}

json FakePc::add_with_chardev(const json& arguments, Device device) {
    device.chardev = text_of(arguments, "chardev");
    if (!chardevs_.contains(device.chardev)) {
        return FakeQemu::error(
            "GenericError",
            "Property '" + device.driver + ".chardev' can't find value '" + device.chardev + "'");
    }
    insert(text_of(arguments, "id"), std::move(device));
    return FakeQemu::ok(json::object());
}

bool FakePc::has_chardev(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return chardevs_.contains(id);
}

json FakePc::given(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = devices_.find(id);
    return found == devices_.end() ? json() : found->second.given;
}

void FakePc::keep_chardevs_busy(int attempts) {
    const std::lock_guard lock(mutex_);
    busy_attempts_ = attempts;
}

}  // namespace ivshmemd::test
