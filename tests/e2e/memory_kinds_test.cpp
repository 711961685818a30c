#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/hotplug_test.h"
#include "tests/e2e/memory_kinds.h"
#include "tests/support/json_text.h"

// Every kind of memory that another manager may put behind a device, from its command line: what
// the API says of it is compared with what the kernel says of that QEMU.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

/// A line of /proc/<pid>/maps, told apart by the test itself.
struct Line {
    dev_t device = 0;
    ino_t inode = 0;
    uint64_t offset = 0;
    char sharing = 'p';
};

std::vector<Line> maps_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/maps");
    std::vector<Line> lines;
    for (std::string text; std::getline(file, text);) {
        Line line;
        unsigned major_number = 0, minor_number = 0;
        unsigned long offset = 0, inode = 0;
        char access[5] = {};
        if (std::sscanf(text.c_str(), "%*[0-9a-f]-%*[0-9a-f] %4s %lx %x:%x %lu", access, &offset,
                        &major_number, &minor_number, &inode) != 5) {
            continue;
        }
        lines.push_back({makedev(major_number, minor_number), inode, offset, access[3]});
    }
    return lines;
}

bool maps_file(pid_t pid, const fs::path& file, uint64_t offset, char sharing) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) return false;
    for (const Line& line : maps_of(pid)) {
        const bool same = line.inode == status.st_ino && line.device == status.st_dev;
        if (same && line.offset == offset && line.sharing == sharing) return true;
    }
    return false;
}

class MemoryKind : public HotplugTest, public testing::WithParamInterface<MemoryKindCase> {
  protected:
    void SetUp() override {
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (QemuVm::installed_version() < GetParam().oldest) {
            GTEST_SKIP() << "a newer QEMU has it";
        }
        make_files(regions_.path());
    }

    std::string here(const std::string& text) const { return in_directory(text, regions_.path()); }
    VmOptions machine(const std::string& name, const std::string& role) {
        return machine_with(GetParam(), regions_.path(), name, role);
    }

    json device(const std::string& vm) {
        const json reply(call_api(*daemon_, "ListDevices", {{"vm", vm}}));
        return member(reply, "parameters")["devices"].at(0);
    }
    json regions() {
        return member(call_api(*daemon_, "ListRegions", json::object()), "parameters")["regions"];
    }
    json region(const std::string& name) {
        const json all(regions());
        for (const json& each : all) {
            if (each["name"] == name) return each;
        }
        return {};
    }
};

TEST_P(MemoryKind, IsShownAsTheKernelHasIt) {
    const MemoryKindCase& kind = GetParam();
    QemuVm vm(dir_.path(), machine("vm", "on"));
    start_daemon({&vm});
    const json shown(device("vm"));
    EXPECT_EQ(shown["sharing"], kind.sharing) << shown;
    EXPECT_EQ(shown["offset"], kind.offset);
    EXPECT_EQ(shown["readonly"], kind.readonly);
    EXPECT_EQ(shown["size"], mebibyte);
    if (!kind.path.empty()) {
        EXPECT_EQ(shown["memoryPath"], here(kind.path));
    }
    if (const auto path = shown.find("memoryPath"); path != shown.end()) {
        const char sharing = kind.sharing == "private" ? 'p' : 's';
        EXPECT_TRUE(maps_file(vm.pid(), path->get<std::string>(), kind.offset, sharing)) << shown;
    }
    if (kind.region.empty()) {
        EXPECT_EQ(regions(), json::array()) << "nobody else can share it";
        return;
    }
    const json listed(region(kind.region));
    ASSERT_TRUE(listed.is_object()) << regions();
    EXPECT_EQ(listed["path"], here(kind.path));
    EXPECT_EQ(listed["size"], fs::file_size(here(kind.path)));
    ASSERT_EQ(listed["users"].size(), 1u);
    EXPECT_EQ(listed["users"][0].value("offset", uint64_t{0}), kind.offset);
    EXPECT_EQ(listed["users"][0].value("size", mebibyte), mebibyte);
    EXPECT_EQ(listed["users"][0].contains("size"), kind.name == "secondWindow");
}

// A master of it is in the way of another one exactly where both would carry the same bytes.
TEST_P(MemoryKind, HasOneMasterWhereItIsShared) {
    const MemoryKindCase& kind = GetParam();
    QemuVm first(dir_.path(), machine("first", "on"));
    QemuVm second(dir_.path(), {.name = "second"});
    start_daemon({&first, &second});
    const std::string region = kind.region.empty() ? "whole" : kind.region;
    const std::vector<std::string> attach{"attach", "second", "x",     "--region",
                                          region,   "--role", "master"};
    if (kind.region.empty()) {
        expect_ctl_success(*daemon_, attach);
    } else {
        const json error(expect_ctl_error(*daemon_, attach, 6, "MasterExists"));
        EXPECT_EQ(error["holder"], "first/theirs");
    }
    const json reply(call_api(*daemon_, "CheckMigration", {{"vm", "first"}}));
    const json reasons(member(reply, "parameters")["reasons"]);
    for (const json& reason : reasons) {
        EXPECT_EQ(reason["severity"], "warns") << "masters move; " << reason;
    }
}

TEST_P(MemoryKind, IsToldToADestinationAsItIsOrNotAtAll) {
    const MemoryKindCase& kind = GetParam();
    QemuVm vm(dir_.path(), machine("vm", "on"));
    start_daemon({&vm});
    if (kind.argument.empty()) {
        expect_ctl_error(*daemon_, {"qemu-args", "vm"}, 9, "ConfigUnsupported");
        return;
    }
    const CtlResult printed = daemon_->ctl_text({"qemu-args", "vm"});
    EXPECT_EQ(printed.exit_code, 0) << printed.err;
    EXPECT_THAT(printed.out, HasSubstr(here(kind.argument)));
}

TEST_P(MemoryKind, IsDrawnWhereItIsShared) {
    const MemoryKindCase& kind = GetParam();
    QemuVm vm(dir_.path(), machine("vm", "off"));
    start_daemon({&vm});
    const std::string drawn = daemon_->ctl_text({"topology"}).out;
    EXPECT_THAT(drawn, HasSubstr("vm/theirs"));
    EXPECT_THAT(drawn, HasSubstr(kind.region.empty() ? "no region or server"
                                                     : "region " + kind.region + ", "));
    if (kind.offset != 0) {
        EXPECT_THAT(drawn, HasSubstr("1M-2M"));
    }
}

TEST_P(MemoryKind, IsNothingThatTheDoctorWouldHarm) {
    QemuVm vm(dir_.path(), machine("vm", "off"));
    start_daemon({&vm});
    const json reply(call_api(*daemon_, "Diagnose", json::object()));
    const json findings(member(reply, "parameters")["findings"]);
    for (const json& finding : findings) {
        const std::string advice = finding["mend"];
        for (const char* harm : {"truncate", "rm ", "fallocate -p", "dd "}) {
            EXPECT_EQ(advice.find(harm), std::string::npos) << finding;
        }
        EXPECT_NE(finding["kind"], "regionSplit") << finding;
    }
}

INSTANTIATE_TEST_SUITE_P(, MemoryKind, testing::ValuesIn(memory_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace ivshmemd::test
