#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/json_text.h"

// Boards beside pc and q35: those with PCI, where a device comes and goes before there is a guest,
// and those without.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

struct Board {
    std::string name;
    std::string architecture;
    std::string machine;
    std::vector<std::string> extra = {};
    std::string bus = "rp1";  // where a device goes
    bool root_takes = false;  // whether others can plug in without a bus
};

void PrintTo(const Board& board, std::ostream* out) {
    *out << board.name;
}

std::string board_name(const testing::TestParamInfo<Board>& row) {
    return row.param.name;
}

std::vector<std::string> with_port(std::vector<std::string> extra = {}) {
    extra.insert(extra.end(), {"-device", "pcie-root-port,id=rp1,chassis=1,slot=1"});
    return extra;
}

class BoardTest : public HotplugTest, public testing::WithParamInterface<Board> {
  protected:
    void SetUp() override {
        const std::string& architecture = GetParam().architecture;
        if (QemuVm::binary(architecture) == "none") {
            GTEST_SKIP() << "no QEMU of " << architecture << " is to be run";
        }
        if (QemuVm::available(architecture)) return;
        const std::string why = "no QEMU of " + architecture + ": ./dev setup";
        if (std::getenv("IVSHMEMD_REQUIRE_QEMU")) FAIL() << why;
        GTEST_SKIP() << why;
    }

    static VmOptions options(const std::string& name = "vm0") {
        const Board& board = GetParam();
        return {.name = name,
                .architecture = board.architecture,
                .machine = board.machine,
                .paused = true,
                .extra = board.extra};
    }

    /// Whether another client can plug a device in without a word about its place.
    bool takes_from_others(QemuVm& vm) {
        vm.object_add_file("theirs-memory", region_file("theirs"), 1 << 20);
        return vm.spy()
            .execute("device_add", {{"driver", "ivshmem-plain"},
                                    {"id", "theirs"},
                                    {"memdev", "theirs-memory"},
                                    {"master", "off"}})
            .contains("return");
    }
};

class BoardWithPci : public BoardTest {};

TEST_P(BoardWithPci, TakesADeviceAndGivesItBackBeforeTheFirstStart) {
    QemuVm vm(dir_.path(), options());
    start_daemon({&vm});
    const json device(
        expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"})["device"]);
    EXPECT_EQ(member(device, "bus"), GetParam().bus);
    const json probe(expect_ctl_success(*daemon_, {"probe", "vm0"}));
    bool seen = false;
    for (const json& bus : probe["capabilities"]["buses"]) {
        if (bus["name"] != GetParam().bus) continue;
        seen = true;
        EXPECT_EQ(vm.spy().call("qom-get", {{"path", "/machine/peripheral/ivshmemd.shm0"},
                                            {"property", "parent_bus"}}),
                  bus["path"]);
    }
    EXPECT_TRUE(seen) << probe;
    EXPECT_EQ(expect_ctl_success(*daemon_, {"detach", "vm0", "shm0"}),
              json({{"result", "removed"}}));
    EXPECT_EQ(list_devices(*daemon_, "vm0"), json::array());
}

TEST_P(BoardWithPci, IsAsFreeForOthersAfterAnAttachAsBefore) {
    QemuVm vm(dir_.path(), options());
    QemuVm untouched(dir_.path(), options("untouched"));
    start_daemon({&vm});
    expect_ctl_success(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
    EXPECT_EQ(takes_from_others(untouched), GetParam().root_takes);
    EXPECT_EQ(takes_from_others(vm), GetParam().root_takes);
}

INSTANTIATE_TEST_SUITE_P(
    , BoardWithPci,
    testing::Values(Board{"microvm", "x86_64", "microvm,pcie=on", with_port()},
                    Board{"virtArm", "aarch64", "virt", with_port()},
                    Board{"virtRiscv", "riscv64", "virt", with_port()},
                    Board{"virtLoongarch", "loongarch64", "virt",
                          with_port({"-cpu", "la464", "-m", "2G"})},
                    Board{"pseries", "ppc64", "pseries", {"-m", "256M"}, "pci.0", true}),
    board_name);

class BoardWithoutPci : public BoardTest {};

TEST_P(BoardWithoutPci, IsToldSoByAttachAndDoctorAlike) {
    QemuVm vm(dir_.path(), options());
    const std::set<std::string> before = qom_names(vm);
    start_daemon({&vm});
    const CtlResult attach = run_ctl(*daemon_, {"attach", "vm0", "shm0", "--size", "1M"});
    const CtlResult doctor = run_ctl(*daemon_, {"doctor", "vm0"});
    const bool no_model = GetParam().architecture == "s390x";
    EXPECT_EQ(attach.exit_code, no_model ? 9 : 1);
    const std::string words = no_model ? "has no ivshmem device" : "the machine has no PCI bus";
    EXPECT_THAT(attach.err, HasSubstr(words));
    EXPECT_THAT(doctor.out, HasSubstr(words));
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
    EXPECT_EQ(qom_names(vm), before);
}

INSTANTIATE_TEST_SUITE_P(, BoardWithoutPci,
                         testing::Values(Board{"none", "x86_64", "none"},
                                         Board{"isapc", "x86_64", "isapc"},
                                         Board{"microvmWithoutPci", "x86_64", "microvm"},
                                         Board{"s390x", "s390x", "s390-ccw-virtio"}),
                         board_name);

}  // namespace
}  // namespace ivshmemd::test
