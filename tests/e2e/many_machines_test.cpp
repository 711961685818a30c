#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/e2e/hotplug_test.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/json_text.h"

// A topology of twelve machines: applied, changed, failing in part, pruned and exported. What the
// daemon lists, what QEMU has and what files there are must be the same after each.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

using Names = std::set<std::string>;

constexpr int machines = 12;
constexpr int bells = 3;

class ManyMachines : public HotplugTest {
  protected:
    /// All but those with a bell are paused, which would keep a bell's descriptors: a reset is what
    /// lets a device go.
    void SetUp() override {
        HotplugTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        DaemonOptions options;
        options.region_dir = regions_.path();
        for (int i = 0; i < machines; ++i) {
            VmOptions machine{.name = "m" + std::to_string(i)};
            if (i % 2 == 1) machine.machine = "q35";
            if (i % 2 == 1) machine.root_ports = 3;
            vms_.push_back(std::make_unique<QemuVm>(dir_.path(), machine));
            if (i >= bells) vms_.back()->pause();
            options.vms.emplace_back(machine.name, vms_.back()->qmp_socket());
        }
        daemon_.emplace(std::move(options));
        for (const auto& vm : vms_) wait_connected(vm->name());
    }

    QemuVm& vm(int number) { return *vms_[static_cast<std::size_t>(number)]; }

    static std::string device(const std::string& name, const std::string& more,
                              std::initializer_list<int> numbers) {
        std::string names;
        for (const int number : numbers) {
            names += (names.empty() ? "\"m" : ", \"m") + std::to_string(number) + "\"";
        }
        return "[[device]]\nname = \"" + name + "\"\nvms = [" + names + "]\n" + more + "\n";
    }
    std::string common() const {
        std::string text =
            "[[doorbell]]\nname = \"bell\"\nserver = \"" + bell_.socket().string() + "\"\n";
        for (const char* name : {"a", "b", "c"}) {
            text += "[[region]]\nname = \"" + std::string(name) + "\"\nsize = \"1M\"\n";
        }
        return text + device("a", "", {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}) +
               device("bell", "doorbell = \"bell\"", {0, 1, 2});
    }
    std::string first() const {
        return common() + device("b", "role = \"master\"", {0}) + device("b", "", {1, 2, 3, 4, 5}) +
               device("c", "", {6, 7, 8, 9, 10, 11});
    }
    /// The master moves, and the last machine loses a device.
    std::string second() const {
        return common() + device("b", "role = \"master\"", {1}) + device("b", "", {0, 2, 3, 4, 5}) +
               device("c", "", {6, 7, 8, 9, 10});
    }

    Child start_apply(const std::string& text, const std::vector<std::string>& options = {}) {
        std::ofstream(file_) << text;
        std::vector<std::string> words{"--json=short", "apply", file_};
        words.insert(words.end(), options.begin(), options.end());
        return Child(daemon_->ctl_command(words));
    }
    /// Applies with the guests' help. What is answered.
    json apply(const std::string& text, int exit_code = 0,
               const std::vector<std::string>& options = {}) {
        Child child(start_apply(text, options));
        return finish(child, exit_code);
    }
    json finish(Child& child, int exit_code) {
        const Deadline deadline = Deadline::after(std::chrono::seconds(200));
        std::optional<int> code;
        while (!code && !deadline.passed()) {
            for (const auto& each : vms_) {
                if (each->alive() && each.get() != silent_) reset_machine(*each);
            }
            code = child.wait_exit(Deadline::after(std::chrono::milliseconds(500)));
        }
        EXPECT_EQ(code, exit_code) << child.out() << child.err();
        return parse_json(child.out());
    }

    /// All say that each machine has these devices.
    void expect_agreement(const std::vector<Names>& expected) {
        for (int i = 0; i < machines; ++i) {
            if (!vm(i).alive()) continue;
            Names listed;
            for (const json& each : list_devices(*daemon_, vm(i).name())) {
                listed.insert(each["name"].get<std::string>());
                EXPECT_EQ(each["state"], "attached") << each;
            }
            EXPECT_EQ(listed, expected[static_cast<std::size_t>(i)]) << vm(i).name();
            EXPECT_EQ(held(i, "/machine/peripheral", ""), listed) << vm(i).name();
        }
    }
    /// Names of ours in a list of QEMU's.
    Names held(int number, const std::string& path, const std::string& end) {
        Names names;
        const std::string prefix = "ivshmemd.";
        const json list(vm(number).spy().call("qom-list", {{"path", path}}));
        for (const json& each : list) {
            const std::string id = each["name"];
            if (id.starts_with(prefix) && id.ends_with(end)) names.insert(id.substr(prefix.size()));
        }
        return names;
    }
    static std::vector<Names> after_first() {
        std::vector<Names> expected;
        for (int i = 0; i < machines; ++i) expected.push_back({"a", i < 6 ? "b" : "c"});
        for (int i = 0; i < bells; ++i) expected[static_cast<std::size_t>(i)].insert("bell");
        return expected;
    }
    static std::vector<Names> after_second() {
        std::vector<Names> expected = after_first();
        expected[11].erase("c");
        return expected;
    }

    std::vector<std::unique_ptr<QemuVm>> vms_;
    QemuVm* silent_ = nullptr;
    DoorbellServer bell_{{"--size", "64K", "--vectors", "2"}};
    const std::string file_ = dir_.path() / "topology.toml";
};

TEST_F(ManyMachines, AgreeWithTheirTopologyWhateverBecomesOfIt) {
    EXPECT_EQ(apply(first())["changed"], true);
    expect_agreement(after_first());
    EXPECT_EQ(files_in(regions_.path()), (Names{"a", "b", "c"}));
    EXPECT_EQ(apply(first())["changed"], false);
    EXPECT_EQ(apply(daemon_->ctl_text({"export"}).out, 0, {"--prune"})["changed"], false);

    EXPECT_EQ(apply(second(), 0, {"--prune"})["changed"], true);
    expect_agreement(after_second());
    EXPECT_EQ(find_device(*daemon_, "m1", "b")["role"], "master");
    EXPECT_EQ(find_device(*daemon_, "m0", "b")["role"], "peer");

    // One has no slot: nothing is begun.
    const std::string crowded = second() + device("d", "size = \"1M\"", {1, 4});
    const json full(apply(crowded, 1)["parameters"]);
    EXPECT_EQ(full["error"], "NoFreeSlot") << full;
    EXPECT_EQ(full["vm"], "m1");
    EXPECT_EQ(full["undone"], true);
    expect_agreement(after_second());

    // One stops in the middle: the others get nothing, and it keeps nothing once it goes on.
    vm(9).signal(SIGSTOP);
    silent_ = &vm(9);
    const json stopped(
        apply(second() + device("d", "size = \"1M\"", {4, 6, 8, 9}), 7)["parameters"]);
    EXPECT_EQ(stopped["vm"], "m9") << stopped;
    // What it has taken by then nobody can tell.
    const std::string region = regions_.path() / "d";
    EXPECT_THAT(stopped["leftovers"], testing::Contains(json(region))) << stopped;
    vm(9).signal(SIGCONT);
    silent_ = nullptr;
    EXPECT_TRUE(eventually(boot_deadline(),
                           [&] {
                               return find_vm(*daemon_, "m9")["state"] == "connected" &&
                                      held(9, "/objects", ".mem") == Names{"a.mem", "c.mem"};
                           }))
        << find_vm(*daemon_, "m9") << testing::PrintToString(held(9, "/objects", ".mem"));
    expect_agreement(after_second());
    EXPECT_TRUE(eventually(boot_deadline(),  // it goes with what its machine had of it
                           [&] {
                               return files_in(regions_.path()) == Names{"a", "b", "c"};
                           }))
        << testing::PrintToString(files_in(regions_.path()));

    // One is killed in the middle: the others get nothing.
    vm(10).signal(SIGSTOP);
    silent_ = &vm(10);
    Child killing(start_apply(second() + device("d", "size = \"1M\"", {4, 6, 8, 10})));
    ASSERT_TRUE(eventually(soon(), [&] { return find_device(*daemon_, "m8", "d").is_object(); }));
    vm(10).kill();
    const json killed(finish(killing, 5)["parameters"]);
    EXPECT_EQ(killed["vm"], "m10") << killed;
    EXPECT_EQ(killed["undone"], true) << killed;
    expect_agreement(after_second());
    EXPECT_EQ(files_in(regions_.path()), (Names{"a", "b", "c"}));

    apply("", 0, {"--prune"});
    expect_agreement(std::vector<Names>(machines));
    for (int i = 0; i < machines; ++i) {
        if (vm(i).alive()) {
            EXPECT_EQ(held(i, "/objects", ".mem"), Names());
        }
    }
}

}  // namespace
}  // namespace ivshmemd::test
