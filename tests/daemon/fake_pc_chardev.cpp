#include "tests/daemon/fake_pc.h"
#include "tests/daemon/fake_pc_words.h"

// Descriptors, chardevs and the devices on them.
namespace ivshmemd::test {

using nlohmann::json;

json FakePc::getfd(const json& arguments) {
    fd_names_.insert(text_of(arguments, "fdname"));
    return FakeQemu::ok(json::object());
}

json FakePc::closefd(const json& arguments) {
    const std::string name = text_of(arguments, "fdname");
    if (fd_names_.erase(name) > 0) return FakeQemu::ok(json::object());
    return generic("File descriptor named '" + name + "' not found");
}

json FakePc::chardev_add(const json& arguments) {
    const std::string id = text_of(arguments, "id");
    const json data = member(member(arguments, "backend"), "data");
    const std::string name = text_of(member(member(data, "addr"), "data"), "str");
    if (member(data, "server") != json(false)) failure_ += id + " listens\n";
    if (chardevs_.contains(id)) {
        return generic("Chardev with id '" + id + "' already exists");
    }
    if (fd_names_.erase(name) == 0) {
        return generic("file descriptor named '" + name + "' not found");
    }
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
    devices_[text_of(arguments, "id")] = std::move(device);
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
