#include "tests/daemon/fake_pc.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "tests/daemon/fake_pc_words.h"

namespace ivshmemd::test {

using nlohmann::json;

FakePc::FakePc(std::string uuid) : uuid_(std::move(uuid)) {
    install("query-pci", &FakePc::query_pci);
    install("query-status", &FakePc::query_status);
    install("query-uuid", &FakePc::query_uuid);
    install("query-chardev", &FakePc::query_chardev);
    install("qom-list", &FakePc::qom_list);
    install("qom-get", &FakePc::qom_get);
    install("qom-list-types", &FakePc::list_types);
    install("device-list-properties", &FakePc::list_properties);
    install("object-add", &FakePc::object_add);
    install("object-del", &FakePc::object_del);
    install("device_add", &FakePc::device_add);
    install("device_del", &FakePc::device_del);
    install("getfd", &FakePc::getfd);
    install("closefd", &FakePc::closefd);
    install("add-fd", &FakePc::add_fd);
    install("remove-fd", &FakePc::remove_fd);
    install("chardev-add", &FakePc::chardev_add);
    install("chardev-remove", &FakePc::chardev_remove);
    install("human-monitor-command", &FakePc::info_ramblock);
    install("query-kvm", &FakePc::no_migration);
    install("query-migrate", &FakePc::no_migration);
    install("query-migrate-capabilities", &FakePc::no_migration);
    install("query-migrate-parameters", &FakePc::no_migration);
    install("migrate-set-capabilities", &FakePc::no_migration);
    qemu_.answer("query-yank", [this](const json& arguments) { return yank(arguments); });
    // No backend of its was made with options.
    qemu_.answer("query-memdev", [](const json&) { return FakeQemu::ok(json::array()); });
}

// As QEMU has it open, for as long as the backend lives.
std::shared_ptr<FileDescriptor> FakePc::Backend::open_file(const std::string& path) {
    return std::make_shared<FileDescriptor>(::open(path.c_str(), O_RDWR | O_CLOEXEC));
}

FakePc::~FakePc() {
    release();
}

void FakePc::install(const std::string& command, Json (FakePc::*method)(const Json&)) {
    methods_[command] = method;
    qemu_.answer(command,
                 [this, command](const json& arguments) { return dispatch(command, arguments); });
}

json FakePc::dispatch(const std::string& command, const json& arguments) {
    Handler handler;
    {
        std::unique_lock lock(mutex_);
        is_holding_ = held_ == command;
        changed_.wait_until(lock, soon().end(), [&] { return held_ != command; });
        is_holding_ = false;
        if (muted_) return nullptr;
        const auto found = overrides_.find(command);
        if (found != overrides_.end()) handler = found->second;
    }
    return handler ? handler(arguments) : real(command, arguments);
}

json FakePc::real(const std::string& command, const json& arguments) {
    const std::lock_guard lock(mutex_);
    return (this->*methods_.at(command))(arguments);
}

void FakePc::on(const std::string& command, Handler handler) {
    const std::lock_guard lock(mutex_);
    overrides_[command] = std::move(handler);
}

void FakePc::hold(const std::string& command) {
    const std::lock_guard lock(mutex_);
    held_ = command;
}

void FakePc::release() {
    const std::lock_guard lock(mutex_);
    held_.clear();
    // At once, not when its thread comes to it: a test's clock would run on meanwhile.
    is_holding_ = false;
    changed_.notify_all();
}

void FakePc::mute(bool mute) {
    const std::lock_guard lock(mutex_);
    muted_ = mute;
}

void FakePc::pin_backend(const std::string& id) {
    const std::lock_guard lock(mutex_);
    pinned_.insert(id);
}

void FakePc::linger(const std::string& backend) {
    const std::lock_guard lock(mutex_);
    lingering_ = backend;
}

void FakePc::set_guest(Guest guest) {
    const std::lock_guard lock(mutex_);
    guest_ = guest;
}

void FakePc::set_run_state(const std::string& state, const std::string& event) {
    {
        const std::lock_guard lock(mutex_);
        run_state_ = state;
    }
    if (!event.empty()) qemu_.send_event(event, nullptr);
}

void FakePc::put_device(const std::string& id, const Device& device) {
    const std::lock_guard lock(mutex_);
    insert(id, device);
    if (!device.backend.empty()) backends_[device.backend].used = true;
}

void FakePc::put_backend(const std::string& id, const Backend& backend) {
    const std::lock_guard lock(mutex_);
    backends_[id] = backend;
}

bool FakePc::has_device(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return devices_.contains(id);
}

bool FakePc::has_backend(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return backends_.contains(id);
}

int FakePc::slot_of(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = devices_.find(id);
    return found == devices_.end() ? -1 : found->second.slot;
}

void FakePc::eject(const std::string& id) {
    take_out(id);
    tell_deleted(id);
}

void FakePc::take_out(const std::string& id) {
    const std::lock_guard lock(mutex_);
    detach_descriptors(id);
    devices_.erase(id);
}

void FakePc::tell_deleted(const std::string& id) {
    qemu_.send_event("DEVICE_DELETED", {{"device", id}, {"path", peripheral + id}});
}

std::size_t FakePc::count(const std::string& command) const {
    const std::vector<std::string> commands = qemu_.commands();
    return static_cast<std::size_t>(std::count(commands.begin(), commands.end(), command));
}

std::string FakePc::failure() const {
    const std::lock_guard lock(mutex_);
    return qemu_.failure() + failure_ + descriptors_.failure();
}

bool FakePc::is_taken(int slot) const {
    return slot < 2 || std::any_of(devices_.begin(), devices_.end(),
                                   [&](const auto& each) { return each.second.slot == slot; });
}

json FakePc::object_add(const json& given) {
    json arguments = given;
    const json nested = member(given, "props");  // before 5.2
    if (nested.is_object()) arguments.update(nested);
    const std::string id = text_of(arguments, "id");
    if (backends_.contains(id)) {
        return generic("attempt to add duplicate property '" + id +
                       "' to object (type 'container')");
    }
    if (member(arguments, "share") != json(true)) failure_ += id + " is not shared\n";
    const Backend backend{text_of(arguments, "mem-path"), arguments.value("size", std::uint64_t{0}),
                          false};
    if (!*backend.file && errno == EMFILE) return generic("can't open backing store");
    descriptors_.take("backend " + id);
    backends_[id] = backend;
    if (sees_other_files_) backends_[id].file.reset();
    return FakeQemu::ok(json::object());
}

json FakePc::object_del(const json& arguments) {
    const std::string id = text_of(arguments, "id");
    if (!backends_.contains(id)) return generic("object '" + id + "' not found");
    const bool used = std::any_of(devices_.begin(), devices_.end(),
                                  [&](const auto& each) { return each.second.backend == id; });
    if (used || pinned_.contains(id)) {
        return generic("object '" + id + "' is in use, can not be deleted");
    }
    backends_.erase(id);
    descriptors_.free("backend " + id);
    return FakeQemu::ok(json::object());
}

json FakePc::device_add(const json& arguments) {
    const std::string id = text_of(arguments, "id");
    Device device;
    device.driver = text_of(arguments, "driver");
    device.slot = std::stoi(text_of(arguments, "addr"), nullptr, 16);
    device.master = text_of(arguments, "master");
    device.given = arguments;
    if (devices_.contains(id)) return generic("Duplicate device ID '" + id + "'");
    if (is_taken(device.slot)) {
        return generic("PCI: slot " + std::to_string(device.slot) +
                       " function 0 not available for " + device.driver +
                       ", in use by e1000,id=(null)");
    }
    if (arguments.contains("chardev")) return add_with_chardev(arguments, std::move(device));
    if (arguments.contains("memdev")) return add_with_backend(arguments, std::move(device));
    insert(id, std::move(device));
    return FakeQemu::ok(json::object());
}

json FakePc::add_with_backend(const json& arguments, Device device) {
    device.backend = text_of(arguments, "memdev");
    const auto found = backends_.find(device.backend);
    if (found == backends_.end()) {
        return FakeQemu::error("DeviceNotFound", "Device '" + device.backend + "' not found");
    }
    if (found->second.used) failure_ += device.backend + " carries a second device: QEMU aborts\n";
    const std::uint64_t size = found->second.size;
    if (size == 0 || (size & (size - 1)) != 0) {
        failure_ += device.backend + ": bad size: QEMU aborts\n";
    }
    found->second.used = true;
    insert(text_of(arguments, "id"), std::move(device));
    return FakeQemu::ok(json::object());
}

json FakePc::device_del(const json& arguments) {
    const std::string id = text_of(arguments, "id");
    const auto device = devices_.find(id);
    if (device == devices_.end()) {
        return FakeQemu::error("DeviceNotFound", "Device '" + id + "' not found");
    }
    if (run_state_ != "running" && device->second.asked) {
        return generic("Device " + id + " is already in the process of unplug");
    }
    device->second.asked = true;
    const json about{{"device", id}, {"path", peripheral + id}};
    if (guest_ == Guest::lets_go && run_state_ == "running") {
        detach_descriptors(id);
        devices_.erase(device);
        qemu_.event_after_reply("DEVICE_DELETED", about);
    } else if (guest_ == Guest::refuses) {
        qemu_.event_after_reply("DEVICE_UNPLUG_GUEST_ERROR", about);
    }
    return FakeQemu::ok(json::object());
}

// FakeMigration knows more.
json FakePc::no_migration(const json&) {
    return FakeQemu::ok(json::object());
}

json FakePc::yank(const json&) {
    return FakeQemu::ok(json::array());
}

}  // namespace ivshmemd::test
