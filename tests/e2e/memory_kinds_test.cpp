#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// Every kind of memory that another manager may put behind a device, from its command line: what the
// API says of it is compared with what the kernel says of that QEMU.

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t mebibyte = 1 << 20;
constexpr int inherited_number = 63;

/// One kind, as arguments of -object; "{}" stands for a directory of the test's own.
struct Kind {
    std::string name;
    std::string object;
    int oldest = 0;  // QEMU that has it
    std::string sharing = "shared";
    uint64_t offset = 0;
    bool readonly = false;
    std::string path = {};    // where its file is, the same way; empty without a name
    std::string region = {};  // its name, when it is listed with one device already

    friend void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }
};

std::vector<Kind> kinds() {
    const std::string file = "memory-backend-file,share=on,size=1M,mem-path=";
    const std::string number = std::to_string(inherited_number);
    return {
        {.name = "file", .object = file + "{}/whole", .path = "{}/whole", .region = "whole"},
        {.name = "secondWindow",
         .object = file + "{}/halves,offset=1M",
         .oldest = 8001,
         .offset = mebibyte,
         .path = "{}/halves",
         .region = "halves"},
        {.name = "readonly",
         .object = file + "{}/whole,readonly=on",
         .oldest = 6000,
         .readonly = true,
         .path = "{}/whole",
         .region = "whole"},
        {.name = "copy",
         .object = "memory-backend-file,share=off,size=1M,mem-path={}/whole",
         .sharing = "private",
         .path = "{}/whole"},
        {.name = "link", .object = file + "{}/link", .path = "{}/whole", .region = "whole"},
        {.name = "descriptor",
         .object = file + "/proc/self/fd/" + number,
         .path = "{}/inherited",
         .region = "inherited"},
        {.name = "directory", .object = file + "{}"},
        {.name = "memfd", .object = "memory-backend-memfd,share=on,size=1M"},
        {.name = "ram", .object = "memory-backend-ram,share=on,size=1M"},
        {.name = "privateRam",
         .object = "memory-backend-ram,share=off,size=1M",
         .sharing = "private"},
        {.name = "shm", .object = "memory-backend-shm,share=on,size=1M", .oldest = 10000},
    };
}

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

class MemoryKind : public HotplugTest, public testing::WithParamInterface<Kind> {
  protected:
    void SetUp() override {
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        if (QemuVm::installed_version() < GetParam().oldest) {
            GTEST_SKIP() << "a newer QEMU has it";
        }
        make_file(region_file("whole"), mebibyte);
        make_file(region_file("halves"), 2 * mebibyte);
        make_file(region_file("inherited"), mebibyte);
        fs::create_symlink(region_file("whole"), region_file("link"));
    }

    std::string here(std::string text) const {
        for (size_t at = text.find("{}"); at != std::string::npos; at = text.find("{}")) {
            text.replace(at, 2, regions_.path().string());
        }
        return text;
    }

    VmOptions machine(const std::string& name, const std::string& role) {
        const std::string redirect = "exec " + std::to_string(inherited_number) + "<>\"$0\"; exec \"$@\"";
        return {.name = name,
                .extra = {"-object", here(GetParam().object) + ",id=m0", "-device",
                          "ivshmem-plain,memdev=m0,id=theirs,addr=9,master=" + role},
                .launcher = {"bash", "-c", redirect, region_file("inherited")}};
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
    const Kind& kind = GetParam();
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
    const Kind& kind = GetParam();
    QemuVm first(dir_.path(), machine("first", "on"));
    QemuVm second(dir_.path(), {.name = "second"});
    start_daemon({&first, &second});
    const std::string region = kind.region.empty() ? "whole" : kind.region;
    const std::vector<std::string> attach{"attach", "second", "x", "--region", region, "--role",
                                          "master"};
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

INSTANTIATE_TEST_SUITE_P(, MemoryKind, testing::ValuesIn(kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace ivshmemd::test
