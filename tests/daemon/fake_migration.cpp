#include "tests/daemon/fake_migration.h"

namespace ivshmemd::test {

using nlohmann::json;

FakeMigration::FakeMigration(FakePc& pc) : pc_(pc) {
    FakeQemu& qemu = pc.qemu();
    qemu.answer("query-migrate", [this](const json&) { return query(); });
    qemu.answer("migrate", [this](const json& arguments) { return start(arguments); });
    qemu.answer("migrate-set-capabilities",
                [this](const json& arguments) { return set_capabilities(arguments); });
    qemu.answer("query-migrate-capabilities", [this](const json&) { return query_capabilities(); });
    qemu.answer("query-migrate-parameters", [this](const json&) { return query_parameters(); });
    qemu.answer("migrate_cancel", [this](const json&) { return cancel(); });
}

json FakeMigration::query() {
    const std::lock_guard lock(mutex_);
    if (looks_ > 0 && facts_.value("status", "") == "active" && --looks_ == 0) {
        facts_["status"] = "completed";
        pc_.set_run_state("postmigrate");
        pc_.qemu().event_after_reply("STOP", nullptr);
        pc_.qemu().event_after_reply("MIGRATION", {{"status", "completed"}});
    }
    return FakeQemu::ok(facts_);
}

void FakeMigration::complete_at_look(int looks) {
    const std::lock_guard lock(mutex_);
    looks_ = looks;
}

json FakeMigration::start(const json&) {
    const std::lock_guard lock(mutex_);
    if (!refusal_.empty()) return FakeQemu::error("GenericError", refusal_);
    had_return_path_ = capabilities_["return-path"];
    if (ignore_shared_at_ == "migrate") capabilities_["x-ignore-shared"] = true;
    facts_["status"] = "active";
    facts_["ram"] = {{"transferred", 1 << 20}, {"remaining", 3 << 20}, {"mbps", 8.0}};
    pc_.qemu().event_after_reply("MIGRATION", {{"status", "active"}});
    return FakeQemu::ok(json::object());
}

json FakeMigration::set_capabilities(const json& arguments) {
    const std::lock_guard lock(mutex_);
    for (const json& each : arguments["capabilities"]) {
        const std::string name = each["capability"];
        if (!capabilities_.contains(name)) {
            return FakeQemu::error("GenericError",
                                   "Parameter 'capability' does not accept value '" + name + "'");
        }
        capabilities_[name] = each["state"];
        if (ignore_shared_at_ == name) capabilities_["x-ignore-shared"] = true;
    }
    return FakeQemu::ok(json::object());
}

json FakeMigration::query_capabilities() {
    const std::lock_guard lock(mutex_);
    json list = json::array();
    for (const auto& [name, on] : capabilities_) {
        list.push_back({{"capability", name}, {"state", on}});
    }
    return FakeQemu::ok(list);
}

json FakeMigration::query_parameters() {
    const std::lock_guard lock(mutex_);
    return FakeQemu::ok(parameters_);
}

json FakeMigration::cancel() {
    const std::lock_guard lock(mutex_);
    if (!outrun_) {
        facts_["status"] = "cancelled";
        pc_.qemu().event_after_reply("MIGRATION", {{"status", "cancelled"}});
    }
    return FakeQemu::ok(json::object());
}

void FakeMigration::ignore_shared_at(const std::string& moment) {
    const std::lock_guard lock(mutex_);
    ignore_shared_at_ = moment;
}

void FakeMigration::set_mode(const std::string& mode) {
    const std::lock_guard lock(mutex_);
    parameters_["mode"] = mode;
}

void FakeMigration::outrun_cancel() {
    const std::lock_guard lock(mutex_);
    outrun_ = true;
}

void FakeMigration::move_to(const std::string& status, const std::string& run_state) {
    {
        const std::lock_guard lock(mutex_);
        facts_["status"] = status;
    }
    pc_.set_run_state(run_state);
    pc_.qemu().send_event("MIGRATION", {{"status", status}});
}

void FakeMigration::fail(const std::string& why) {
    {
        const std::lock_guard lock(mutex_);
        facts_["error-desc"] = why;
    }
    move_to("failed", "running");
}

void FakeMigration::forget() {
    const std::lock_guard lock(mutex_);
    facts_ = json::object();
}

void FakeMigration::refuse_start(const std::string& why) {
    const std::lock_guard lock(mutex_);
    refusal_ = why;
}

void FakeMigration::set_blocked(const std::vector<std::string>& reasons) {
    const std::lock_guard lock(mutex_);
    facts_["blocked-reasons"] = reasons;
}

void FakeMigration::listen_at(const std::string& path) {
    const std::lock_guard lock(mutex_);
    facts_["socket-address"] = json::array({{{"type", "unix"}, {"path", path}}});
}

void FakeMigration::lack_capability(const std::string& name) {
    const std::lock_guard lock(mutex_);
    capabilities_.erase(name);
}

void FakeMigration::set_capability(const std::string& name, bool on) {
    const std::lock_guard lock(mutex_);
    capabilities_[name] = on;
}

bool FakeMigration::capability(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = capabilities_.find(name);
    return found != capabilities_.end() && found->second;
}

bool FakeMigration::had_return_path() const {
    const std::lock_guard lock(mutex_);
    return had_return_path_;
}

}  // namespace ivshmemd::test
