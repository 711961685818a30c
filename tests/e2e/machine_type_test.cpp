#include <nlohmann/json.hpp>

#include "tests/e2e/machine.h"
#include "tests/support/json_text.h"

// Boards beside pc and q35, of any architecture: those with PCI, where a device comes and goes
// before there is a guest, and those where none can come.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

struct Board {
    std::string name;  // as the test's name ends
    std::string architecture;
    std::string machine;
    std::vector<std::string> extra = {};
    std::vector<std::string> buses = {};  // "pcie.0 root", "rp1 port takes", ...
    std::string bus = {};                 // where a device goes by itself
    std::string refusal = {};             // of one for which there is no place
};

void PrintTo(const Board& board, std::ostream* out) {
    *out << board.name;
}

std::string board_name(const testing::TestParamInfo<Board>& row) {
    return row.param.name;
}

/// One whose root takes nothing, with a port.
Board with_port(const std::string& name, const std::string& architecture,
                const std::string& machine, std::vector<std::string> extra = {}) {
    extra.insert(extra.end(), {"-device", "pcie-root-port,id=rp1,chassis=1,slot=1"});
    return {name, architecture, machine, extra, {"pcie.0 root", "rp1 port takes"}, "rp1"};
}

std::vector<Board> boards_with_pci() {
    // It needs more memory than the tests give others.
    const std::vector<std::string> more = {"-m", "256M"};
    const std::string bridge = "pci-bridge,id=br,chassis_nr=1";
    return {
        with_port("microvm", "x86_64", "microvm,pcie=on"),
        with_port("virtArm", "aarch64", "virt"),
        with_port("virtRiscv", "riscv64", "virt"),
        with_port("virtLoongarch", "loongarch64", "virt", {"-cpu", "la464", "-m", "2G"}),
        {"pseries", "ppc64", "pseries", more, {"pci.0 root takes"}, "pci.0"},
        {"pseriesBridge",
         "ppc64",
         "pseries",
         {"-m", "256M", "-device", bridge},
         {"pci.0 root takes", "br bridge takes"},
         "pci.0"},
    };
}

std::vector<Board> boards_without_place() {
    const std::string no_bus =
        "the machine has no PCI bus; start the VM with a machine type that has one, such as q35";
    const auto board = [](const std::string& name, const std::string& architecture,
                          const std::string& machine, const std::string& refusal) {
        return Board{name, architecture, machine, {}, {}, {}, refusal};
    };
    return {
        board("none", "x86_64", "none", no_bus),
        board("isapc", "x86_64", "isapc", no_bus),
        board("microvm", "x86_64", "microvm", no_bus),
        board("s390x", "s390x", "s390-ccw-virtio", " has no ivshmem device"),
    };
}

class BoardTest : public HotplugTest, public testing::WithParamInterface<Board> {
  protected:
    void SetUp() override { require_qemu(GetParam().architecture, false); }

    static VmOptions options(const std::string& name = "vm0") {
        const Board& board = GetParam();
        return {.name = name,
                .architecture = board.architecture,
                .machine = board.machine,
                .paused = true,
                .extra = board.extra};
    }

    json buses() {
        const json reply(expect_ctl_success(*daemon_, {"probe", "vm0"}));
        return member(member(reply, "capabilities"), "buses");
    }

    json attach(const std::string& name, const std::vector<std::string>& options = {}) {
        std::vector<std::string> arguments{"attach", "vm0", name, "--size", "1M"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return member(expect_ctl_success(*daemon_, arguments), "device");
    }

    /// What QEMU answers another client that says nothing about a device's place.
    json add_anywhere(QemuVm& vm) {
        const json made(vm.object_add_file("theirs-memory", region_file("theirs"), 1 << 20));
        EXPECT_TRUE(made.contains("return")) << made;
        json reply(vm.spy().execute("device_add", {{"driver", "ivshmem-plain"},
                                                   {"id", "theirs"},
                                                   {"memdev", "theirs-memory"},
                                                   {"master", "off"}}));
        reply.erase("id");
        return reply;
    }
};

class BoardWithPci : public BoardTest {
  protected:
    /// Whether it is where it is said to be.
    void expect_on(QemuVm& vm, const json& device) {
        for (const json& bus : buses()) {
            if (bus["name"] != device["bus"]) continue;
            EXPECT_EQ(qom_get(vm, device["qomPath"], "parent_bus"), bus["path"]);
            return;
        }
        ADD_FAILURE() << "no bus of " << device;
    }

    static bool keeps() { return GetParam().architecture == "x86_64" && has_old_native_ports(); }

    /// Before the first start nobody needs to be asked.
    void detach(const std::string& name) {
        if (keeps()) return;
        EXPECT_EQ(expect_ctl_success(*daemon_, {"detach", "vm0", name}),
                  json({{"result", "removed"}}));
        EXPECT_EQ(find_device(*daemon_, "vm0", name), nullptr);
    }
};

TEST_P(BoardWithPci, ShowsItsBuses) {
    QemuVm vm(dir_.path(), options());
    start_daemon({&vm});
    std::vector<std::string> shown;
    for (const json& bus : buses()) {
        const std::string name = bus["name"], kind = bus["kind"];
        shown.push_back(name + " " + kind + (bus["usable"].empty() ? "" : " takes"));
    }
    EXPECT_EQ(shown, GetParam().buses);
}

TEST_P(BoardWithPci, TakesADeviceAndGivesItBackBeforeTheFirstStart) {
    QemuVm vm(dir_.path(), options());
    start_daemon({&vm});
    const json before(machine_state(vm));
    const json device(attach("shm0"));
    EXPECT_EQ(device["bus"], GetParam().bus);
    expect_on(vm, device);
    detach("shm0");
    EXPECT_EQ(machine_state(vm) == before, !keeps()) << machine_state(vm);
}

TEST_P(BoardWithPci, TakesADeviceOnEveryBusThatItOffers) {
    QemuVm vm(dir_.path(), options());
    start_daemon({&vm});
    int number = 0;
    for (const json& bus : buses()) {
        const std::string bus_name = bus["name"];
        SCOPED_TRACE(bus_name);
        const std::string name = "shm" + std::to_string(number++);
        if (bus["usable"].empty()) {
            expect_ctl_error(*daemon_, {"attach", "vm0", name, "--size", "1M", "--bus", bus_name},
                             1, "NoFreeSlot");
            continue;
        }
        const json device(attach(name, {"--bus", bus_name}));
        EXPECT_EQ(device["bus"], bus_name);
        expect_on(vm, device);
        detach(name);
    }
    EXPECT_TRUE(vm.alive());
}

TEST_P(BoardWithPci, IsAsFreeForOthersAfterAnAttachAsBefore) {
    QemuVm vm(dir_.path(), options());
    QemuVm untouched(dir_.path(), options("untouched"));
    start_daemon({&vm});
    attach("shm0");
    const json before(add_anywhere(untouched));
    const bool root_takes = GetParam().buses.front().ends_with("takes");
    EXPECT_EQ(before.contains("return"), root_takes) << before;
    EXPECT_EQ(add_anywhere(vm), before);
    EXPECT_TRUE(vm.alive());
}

INSTANTIATE_TEST_SUITE_P(, BoardWithPci, testing::ValuesIn(boards_with_pci()), board_name);

class BoardWithoutPlace : public BoardTest {};

TEST_P(BoardWithoutPlace, IsToldSoByAttachAndDoctorAlike) {
    QemuVm vm(dir_.path(), options());
    start_daemon({&vm});
    const json before(machine_state(vm));
    const bool no_model = GetParam().architecture == "s390x";
    const std::vector<std::string> attach{"attach", "vm0", "shm0", "--size", "1M"};
    const json error(no_model ? expect_ctl_error(*daemon_, attach, 9, "ModelNotSupported")
                              : expect_ctl_error(*daemon_, attach, 1, "NoFreeSlot"));
    const std::string message = error["message"];
    EXPECT_TRUE(message.ends_with(GetParam().refusal)) << message;

    const json findings(member(run_ctl(*daemon_, {"doctor", "vm0"}).json(), "findings"));
    ASSERT_EQ(findings.size(), 1u) << findings;
    const std::string text = findings[0]["text"], mend = findings[0]["mend"];
    EXPECT_EQ(no_model ? text : text + "; " + mend, no_model ? "its " + message : message);

    EXPECT_EQ(machine_state(vm), before);
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{});
}

INSTANTIATE_TEST_SUITE_P(, BoardWithoutPlace, testing::ValuesIn(boards_without_place()),
                         board_name);

}  // namespace
}  // namespace ivshmemd::test
