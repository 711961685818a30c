#include <fstream>

#include "tests/e2e/many_vms.h"
#include "tests/support/json_text.h"

// Topologies of real machines: applied, changed, pruned and exported.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class TopologyFiles : public ManyVms {
  protected:
    std::vector<std::string> apply(const std::string& text,
                                   const std::vector<std::string>& options = {}) {
        std::ofstream(file_) << text;
        std::vector<std::string> arguments{"apply", file_};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return arguments;
    }
    /// What was done, as "attach one/x".
    static std::set<std::string> changes(const json& reply) {
        std::set<std::string> texts;
        for (const json& each : reply["changes"]) {
            texts.insert(each["action"].get<std::string>() + " " + each["vm"].get<std::string>() +
                         "/" + each["device"].get<std::string>());
        }
        return texts;
    }
    /// Applies what has devices leave: the machines are reset until it is done.
    json apply_with_resets(const std::vector<std::string>& arguments, int exit_code = 0) {
        Child child(start(arguments));
        EXPECT_EQ(reset_until_exit({&*one_, &*two_}, child), exit_code)
            << child.out() << child.err();
        json answer(parse_json(child.out()));
        return answer;
    }
    static constexpr const char* shared = R"(
[[region]]
name = "frames"
size = "1M"
[[device]]
name = "frames"
vms = ["one", "two"]
)";
    static constexpr const char* changed = R"(
[[device]]
name = "frames"
vms = ["one"]
[[device]]
name = "more"
region = "frames"
vms = ["two"]
role = "master"
)";
    using Texts = std::set<std::string>;
    const std::string file_ = dir_.path() / "topology.toml";
};

TEST_F(TopologyFiles, AreAppliedExportedChangedAndPruned) {
    const json first(expect_ctl_success(*daemon_, apply(shared)));
    check_reply("Apply", {{"parameters", first}});
    EXPECT_EQ(changes(first), (Texts{"attach one/frames", "attach two/frames"}));
    const json again(expect_ctl_success(*daemon_, apply(shared)));
    EXPECT_EQ(again["changed"], false);

    const CtlResult exported = daemon_->ctl_text({"export"});
    const json same(expect_ctl_success(*daemon_, apply(exported.out, {"--prune"})));
    EXPECT_EQ(same["changed"], false) << exported.out;
    const CtlResult as_json = daemon_->ctl({"export"});
    EXPECT_EQ(expect_ctl_success(*daemon_, apply(as_json.out, {"--prune"}))["changed"], false);

    const json planned(expect_ctl_success(*daemon_, apply(changed, {"--prune", "--dry-run"})));
    const json made(apply_with_resets(apply(changed, {"--prune"})));
    EXPECT_EQ(changes(made), (Texts{"keep one/frames", "attach two/more", "detach two/frames"}));
    EXPECT_EQ(changes(planned), changes(made));
    EXPECT_EQ(find_device(*daemon_, "two", "more")["role"], "master");
    EXPECT_TRUE(find_device(*daemon_, "two", "frames").is_null());

    apply_with_resets(apply("", {"--prune"}));
    EXPECT_EQ(machine_state(*one_), states_[0]);
    EXPECT_EQ(machine_state(*two_), states_[1]);
    EXPECT_EQ(files_in(regions_.path()), std::set<std::string>{"frames"});
}

TEST_F(TopologyFiles, AreShownBesideWhatIsThere) {
    const auto compared = [&](const std::string& text, int exit_code) {
        std::ofstream(file_) << text;
        const CtlResult result = daemon_->ctl({"topology", "--declared", file_});
        EXPECT_EQ(result.exit_code, exit_code) << result.err;
        Texts states;
        const json reply(result.json());
        for (const json& each : reply["declared"]) {
            states.insert(each["vm"].get<std::string>() + "/" + each["device"].get<std::string>() +
                          " " + each["state"].get<std::string>());
        }
        return states;
    };
    EXPECT_EQ(compared(shared, 1), (Texts{"one/frames missing", "two/frames missing"}));
    expect_ctl_success(*daemon_, apply(shared));
    EXPECT_EQ(compared(shared, 0), (Texts{"one/frames inPlace", "two/frames inPlace"}));
    EXPECT_EQ(compared(daemon_->ctl_text({"export"}).out, 0),
              (Texts{"one/frames inPlace", "two/frames inPlace"}));
    EXPECT_EQ(compared(changed, 1),
              (Texts{"one/frames inPlace", "two/frames undeclared", "two/more missing"}));
}

TEST_F(TopologyFiles, MoveTheMasterOfARegionToAnotherMachine) {
    expect_ctl_success(*daemon_, {"attach", "one", "frames", "--size", "1M", "--role", "master"});
    expect_ctl_success(*daemon_, {"attach", "two", "frames"});
    const std::string moved =
        "[[device]]\nname = \"frames\"\nvms = [\"one\"]\n"
        "[[device]]\nname = \"frames\"\nvms = [\"two\"]\nrole = \"master\"\n";
    const json made(apply_with_resets(apply(moved)));
    EXPECT_EQ(changes(made), (Texts{"exchange one/frames", "exchange two/frames"})) << made;
    EXPECT_EQ(find_device(*daemon_, "one", "frames")["role"], "peer");
    EXPECT_EQ(find_device(*daemon_, "two", "frames")["role"], "master");
}

TEST_F(TopologyFiles, GiveARegionItsMode) {
    const std::string with_mode = "[[region]]\nname = \"frames\"\nsize = \"1M\"\nmode = ";
    const std::string device = "\n[[device]]\nname = \"frames\"\nvms = [\"one\", \"two\"]\n";
    expect_ctl_error(*daemon_, apply(with_mode + "\"0666\"" + device), 9, "TransactionFailed");
    expect_untouched();
    expect_ctl_success(*daemon_, apply(with_mode + "\"0664\"" + device));
    EXPECT_EQ(std::filesystem::status(region_file("frames")).permissions(),
              std::filesystem::perms(0664));
    const CtlResult exported = daemon_->ctl_text({"export"});
    EXPECT_NE(exported.out.find("mode = '0664'"), std::string::npos) << exported.out;
    EXPECT_EQ(expect_ctl_success(*daemon_, apply(exported.out))["changed"], false);
    EXPECT_EQ(daemon_->ctl({"doctor"}).out.find("regionMode"), std::string::npos);

    const json other(
        expect_ctl_error(*daemon_, apply(with_mode + "\"0660\"" + device), 6, "TransactionFailed"));
    EXPECT_EQ(other["error"], "RegionMismatch") << other;
}

TEST_F(TopologyFiles, AreRefusedWithEveryKindOfFaultAtOnce) {
    const std::string faulty =
        "[[doorbell]]\nname = \"bell\"\n"                                                // 1
        "[[device]]\nname = \"a\"\nsize = \"1M\"\nvms = [\"one\", \"nobody\"]\n"         // 3
        "[[device]]\nname = \"b\"\nsize = \"1M\"\nvms = [\"two\", \"two\"]\n"            // 7
        "[[device]]\nname = \"c\"\nsize = \"1M\"\nvms = [\"one\"]\nrole = \"master\"\n"  // 11
        "[[device]]\nname = \"d\"\nregion = \"c\"\nsize = \"1M\"\nvms = [\"one\"]\n"     // 16
        "role = \"master\"\n"
        "[[device]]\nname = \"c\"\nsize = \"1M\"\nvms = [\"one\"]\n";  // 22
    const CtlResult result = daemon_->ctl_text(apply(faulty));
    EXPECT_EQ(result.exit_code, 2) << result.err;
    for (const char* fault :
         {":1: /doorbell/0/server: it is missing", ":6: /device/0/vms/1: nobody: no VM is named",
          ":10: /device/1/vms/1: 'two' is named twice",
          ":25: /device/4/vms/0: one/c: VM one gets a device c here and by /device/2",
          ":16: /device/3: one/d: region c has a master already: one/c", "and 4 more"}) {
        EXPECT_NE(result.err.find(fault), std::string::npos) << fault << "\n" << result.err;
    }
    const json as_json(daemon_->ctl(apply(faulty)).json());
    EXPECT_EQ(as_json["parameters"]["faults"].size(), 5u) << as_json;
    expect_untouched();
}

TEST_F(TopologyFiles, AreRefusedWithAllTheirFaults) {
    const std::string faulty = std::string(shared) +
                               "[[device]]\nname = \"x\"\nvms = [\"nobody\"]\nsize = \"3M\"\n"
                               "[[device]]\nname = \"y\"\nvms = [\"full\"]\nregion = \"frames\"\n";
    const CtlResult result = daemon_->ctl_text(apply(faulty));
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_NE(result.err.find("topology.toml:11: /device/1/size"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("/device/2: full/y: "), std::string::npos) << result.err;
    expect_untouched();
}

}  // namespace
}  // namespace ivshmemd::test
