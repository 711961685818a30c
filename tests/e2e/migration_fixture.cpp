#include "tests/e2e/migration_fixture.h"

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/support/json_text.h"

namespace ivshmemd::test {

using nlohmann::json;

void MigrationFixture::start_source(VmOptions options) {
    options_ = std::move(options);
    options_.extra.insert(options_.extra.end(), {"-uuid", uuid});
    options_.name = "src";
    source_.emplace(dir_.path(), options_);
    DaemonOptions daemon;
    daemon.vms = {{"dst", dir_.path() / "dst.qmp"}};
    start_daemon({&*source_}, daemon);
}

void MigrationFixture::start_relayed_source(VmOptions options) {
    options_ = std::move(options);
    options_.extra.insert(options_.extra.end(), {"-uuid", uuid});
    options_.name = "src";
    source_.emplace(dir_.path(), options_);
    put_relay();
    DaemonOptions daemon;
    daemon.vms = {{"src", relay_->path()}, {"dst", dir_.path() / "dst.qmp"}};
    start_daemon({}, daemon);
    wait_connected("src");
}

void MigrationFixture::put_relay() {
    relay_.emplace(dir_.path() / "relay.qmp", source_->qmp_socket());
}

void MigrationFixture::restart_source(const std::string& with_uuid) {
    relay_.reset();
    source_->kill();
    ASSERT_TRUE(daemon_->wait_vm_state("src", "unreachable", soon()));
    VmOptions options = options_;
    options.extra.insert(options.extra.end(), {"-uuid", with_uuid});
    source_.emplace(dir_.path(), options);
    put_relay();
    wait_connected("src");
}

void MigrationFixture::renew_source() {
    source_->kill();
    ASSERT_TRUE(daemon_->wait_vm_state("src", "unreachable", soon()));
    source_.emplace(dir_.path(), options_);
    wait_connected("src");
}

void MigrationFixture::start_destination(const std::vector<std::string>& devices) {
    stop_destination();
    launch_destination("dst", devices);
    wait_connected("dst");
}

void MigrationFixture::start_right_destination() {
    if (!needs_care()) return start_destination(qemu_args());
    start_destination({});
    const json reply(call_api(*daemon_, "Replug", {{"vm", "dst"}, {"devices", masters()}}));
    ASSERT_EQ(error_of(reply), "") << reply;
}

json MigrationFixture::masters() {
    json specs = json::array();
    for (const json& device : list_devices(*daemon_, "src")) {
        if (device["role"] != "master") continue;
        json spec;
        for (const char* key : {"name", "model", "role", "size", "region", "bus", "slot"}) {
            spec[key] = device[key];
        }
        if (device.contains("backend")) spec["backend"] = device["backend"];
        specs.push_back(std::move(spec));
    }
    return specs;
}

void MigrationFixture::start_destination_elsewhere(const std::vector<std::string>& devices) {
    destination_.reset();
    launch_destination("elsewhere", devices);
}

void MigrationFixture::launch_destination(const std::string& name,
                                          const std::vector<std::string>& devices) {
    std::filesystem::remove(dir_.path() / "in.sock");
    VmOptions options = options_;
    options.name = name;
    options.extra.insert(options.extra.end(), {"-incoming", uri()});
    options.extra.insert(options.extra.end(), devices.begin(), devices.end());
    destination_.emplace(dir_.path(), options);
}

void MigrationFixture::stop_destination() {
    if (!destination_) return;
    destination_->kill();
    destination_.reset();
    ASSERT_TRUE(daemon_->wait_vm_state("dst", "unreachable", soon()));
}

std::vector<std::string> MigrationFixture::qemu_args() {
    return expect_ctl_success(*daemon_, {"qemu-args", "src"})["arguments"]
        .get<std::vector<std::string>>();
}

void MigrationFixture::attach(const std::string& name, const std::string& role) {
    expect_ctl_success(*daemon_, {"attach", "src", name, "--size", "1M", "--role", role});
}

void MigrationFixture::attach_bell(const std::string& name, const DoorbellServer& server) {
    expect_ctl_success(*daemon_,
                       {"attach", "src", name, "--server", server.socket(), "--vectors", "2"});
}

std::vector<std::string> MigrationFixture::migrate_arguments(
    const std::vector<std::string>& options) const {
    std::vector<std::string> arguments{"migrate", "src", uri()};
    arguments.insert(arguments.end(), options.begin(), options.end());
    if (needs_care()) arguments.push_back("--force");
    return arguments;
}

Child MigrationFixture::start_migrate(const std::vector<std::string>& options) {
    std::vector<std::string> arguments = migrate_arguments(options);
    arguments.insert(arguments.begin(), "--json=short");
    return Child(daemon_->ctl_command(arguments));
}

json MigrationFixture::migrate(int exit_code, const std::vector<std::string>& options) {
    const CtlResult result = run_ctl(*daemon_, migrate_arguments(options), boot_deadline());
    EXPECT_EQ(result.exit_code, exit_code) << result.out << result.err;
    return result.json();
}

json MigrationFixture::state() const {
    std::ifstream file(daemon_->state_dir() / "state.json");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return json(json::parse(text, nullptr, false));
}

std::string MigrationFixture::phase() const {
    const json migrations(member(state(), "migrations"));
    if (!migrations.is_array() || migrations.empty()) return "";
    return migrations[0].value("phase", "");
}

bool MigrationFixture::nothing_left_to_do() const {
    const json state(this->state());
    return member(state, "migrations").empty() && member(state, "removals").empty();
}

bool MigrationFixture::wait_phase(const std::string& wanted) {
    return eventually(soon(), [&] { return phase() == wanted; });
}

void MigrationFixture::limit_bandwidth(std::uint64_t bytes) {
    source_->spy().call("migrate-set-parameters", {{"max-bandwidth", bytes}});
}

bool MigrationFixture::wait_migration_status(const std::string& status) {
    return eventually(
        soon(), [&] { return member(source_->spy().call("query-migrate"), "status") == status; });
}

bool MigrationFixture::has_devices(const std::string& vm, const std::set<std::string>& devices) {
    std::set<std::string> names;
    for (const json& device : list_devices(*daemon_, vm)) {
        if (member(device, "state") != "attached" || member(device, "stale") == true) return false;
        names.insert(device.value("name", ""));
    }
    return names == devices;
}

void MigrationFixture::expect_at_source(const std::set<std::string>& devices) {
    ASSERT_TRUE(source_->alive());
    EXPECT_TRUE(eventually(boot_deadline(), [&] { return has_devices("src", devices); }))
        << list_devices(*daemon_, "src");
    const json status = source_->spy().call("query-status");
    EXPECT_EQ(member(status, "status"), "running");
    EXPECT_EQ(member(find_vm(*daemon_, "src"), "runState"), "running");
}

void MigrationFixture::expect_at_destination(const std::set<std::string>& devices) {
    ASSERT_TRUE(destination_ && destination_->alive());
    EXPECT_TRUE(eventually(boot_deadline(), [&] { return has_devices("dst", devices); }))
        << list_devices(*daemon_, "dst");
    EXPECT_TRUE(eventually(
        soon(), [&] { return member(find_vm(*daemon_, "dst"), "runState") == "running"; }));
    EXPECT_EQ(member(destination_->spy().call("query-status"), "status"), "running");
    EXPECT_EQ(member(source_->spy().call("query-status"), "status"), "postmigrate");
}

}  // namespace ivshmemd::test
