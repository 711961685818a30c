#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/e2e/memory_kinds.h"
#include "tests/support/json_text.h"

// The same kinds of memory for the daemon as the service that it usually is: a user without
// privileges, under the sandbox of its unit, with the QEMU of another user. It may not look into
// that process, and must not claim what it cannot know.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

constexpr uid_t alice = 61001, keeper = 61003;
constexpr gid_t monitors = 61010;

class MemoryOfTheService : public HotplugTest, public testing::WithParamInterface<MemoryKindCase> {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can run programs as other users";
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (QemuVm::installed_version() < GetParam().oldest) {
            GTEST_SKIP() << "a newer QEMU has it";
        }
        fs::permissions(dir_.path(), fs::perms(0755));
        fs::permissions(regions_.path(), fs::perms(01777));  // as /dev/shm is
        make_files(regions_.path());
        for (const char* name : {"whole", "halves", "inherited"}) {
            fs::permissions(region_file(name), fs::perms(0666));
        }
        fs::copy_file(fs::path(IVSHMEMD_BIN_DIR) / "ivshmemd", dir_ / "ivshmemd");
        fs::permissions(dir_ / "ivshmemd", fs::perms(0755));
    }

    /// The monitors of this user's QEMUs, which the service's group may enter.
    fs::path monitor_dir() {
        const fs::path path = dir_ / "monitors";
        fs::create_directory(path);
        EXPECT_EQ(::chown(path.c_str(), alice, monitors), 0);
        fs::permissions(path, fs::perms(02770));
        return path;
    }

    VmOptions machine() {
        VmOptions options = machine_with(GetParam(), regions_.path(), "vm", "on");
        std::vector<std::string> launcher = as_user(alice);
        launcher.insert(launcher.end(), options.launcher.begin(), options.launcher.end());
        options.launcher = launcher;
        return options;
    }

    /// The daemon as its unit says; the directory of its socket is what systemd would make for it.
    void start_service(std::initializer_list<const QemuVm*> vms) {
        const std::string source = IVSHMEMD_SOURCE_DIR;
        const std::string ids = std::to_string(keeper) + " " + std::to_string(monitors);
        std::ofstream(dir_ / "service")
            << "#!/bin/sh\n"
            << "directory=$(dirname \"$2\")\n"
            << "chown -R " << keeper << " \"$directory\"\n"
            << "exec python3 -B " << source << "/tests/systemd/sandbox.py " << source
            << "/systemd/ivshmemd.service " << ids << " --write \"$directory\" -- "
            << dir_ / "ivshmemd"
            << " \"$@\"\n";
        fs::permissions(dir_ / "service", fs::perms(0755));
        start_daemon(vms, {.program = dir_ / "service"});
    }

    std::string here(const std::string& text) const { return in_directory(text, regions_.path()); }

    json device() {
        const json reply(call_api(*daemon_, "ListDevices", {{"vm", "vm"}}));
        return member(reply, "parameters")["devices"].at(0);
    }

    /// A number in QEMU's own /proc: what it stands for only that QEMU knows.
    bool is_unknown() const { return GetParam().name == "descriptor"; }
    bool has_region() const { return !GetParam().region.empty() && !is_unknown(); }
};

TEST_P(MemoryOfTheService, IsNotClaimedToBeWhatCannotBeSeen) {
    const MemoryKindCase& kind = GetParam();
    QemuVm vm(monitor_dir(), machine());
    QemuVm other(monitor_dir(), {.name = "other", .launcher = as_user(alice)});
    start_service({&vm, &other});
    const json shown(device());
    EXPECT_EQ(shown["sharing"], kind.sharing == "private" ? "private" : "unverified");
    EXPECT_EQ(shown["offset"], kind.offset);
    EXPECT_EQ(shown["readonly"], kind.readonly);
    EXPECT_EQ(shown.value("memoryPath", ""), is_unknown() ? "" : here(kind.path));

    const json list(member(call_api(*daemon_, "ListRegions", json::object()), "parameters"));
    ASSERT_EQ(list["regions"].size(), has_region() ? 1u : 0u) << list;
    if (has_region()) {
        EXPECT_EQ(list["regions"][0]["name"], kind.region);
        EXPECT_EQ(list["regions"][0]["users"][0]["sharing"], "unverified");
    }
    // Who may be carrying the same bytes counts as doing so.
    const std::string region = has_region() ? kind.region : "whole";
    const std::vector<std::string> attach{"attach", "other",  "x",     "--region",
                                          region,   "--role", "master"};
    if (has_region() || is_unknown()) {
        expect_ctl_error(*daemon_, attach, 6, "MasterExists");
    } else {
        expect_ctl_success(*daemon_, attach);
    }
    if (kind.argument.empty()) {
        expect_ctl_error(*daemon_, {"qemu-args", "vm"}, 9, "ConfigUnsupported");
    } else {
        EXPECT_THAT(daemon_->ctl_text({"qemu-args", "vm"}).out, HasSubstr(here(kind.argument)));
    }
    const json diagnosis(member(call_api(*daemon_, "Diagnose", json::object()), "parameters"));
    for (const json& finding : diagnosis["findings"]) {
        const std::string mend = finding["mend"];
        EXPECT_EQ(mend.find("truncate"), std::string::npos) << finding;
        EXPECT_FALSE(mend.starts_with("rm ")) << finding;
    }
    EXPECT_TRUE(vm.alive());
}

INSTANTIATE_TEST_SUITE_P(, MemoryOfTheService, testing::ValuesIn(memory_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace ivshmemd::test
