#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/memory_kinds.h"
#include "tests/e2e/service_fixture.h"
#include "tests/support/json_text.h"

// The same kinds of memory for the daemon as the service that it usually is: a user without
// privileges, under the sandbox of its unit, with the QEMU of another user. It may not look into
// that process, and must not claim what it cannot know.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

class MemoryOfTheService : public ServiceTest, public testing::WithParamInterface<MemoryKindCase> {
  protected:
    void SetUp() override {
        ServiceTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (QemuVm::installed_version() < GetParam().oldest) {
            GTEST_SKIP() << "a newer QEMU has it";
        }
        make_files(regions_.path());
        for (const char* name : {"whole", "halves", "inherited"}) {
            fs::permissions(region_file(name), fs::perms(0666));
        }
    }

    VmOptions machine() {
        VmOptions options = machine_with(GetParam(), regions_.path(), "vm", "on");
        std::vector<std::string> launcher = as_user(alice);
        launcher.insert(launcher.end(), options.launcher.begin(), options.launcher.end());
        options.launcher = launcher;
        return options;
    }

    std::string here(const std::string& text) const { return in_directory(text, regions_.path()); }

    /// A number in QEMU's own /proc: what it stands for only that QEMU knows.
    bool is_unknown() const { return GetParam().name == "descriptor"; }
    bool has_region() const { return !GetParam().region.empty() && !is_unknown(); }
};

TEST_P(MemoryOfTheService, IsNotClaimedToBeWhatCannotBeSeen) {
    const MemoryKindCase& kind = GetParam();
    QemuVm vm(monitor_dir(), machine());
    QemuVm other(monitor_dir(), {.name = "other", .launcher = as_user(alice)});
    start_service({&vm, &other});
    const json shown(list_devices(*daemon_, "vm").at(0));
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
