// What a file declares, beside what the daemon tells.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "tests/daemon/ctl/captured.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* some_vms = R"({"vms":[{"name":"web","state":"connected"},
    {"name":"db","state":"connected"},{"name":"lost","state":"unreachable"}]})";
constexpr const char* some_regions = R"({"regions":[{"name":"frames","size":4096,"mode":"0660",
    "users":[{"vm":"web","device":"frames","role":"peer"}]}]})";
constexpr const char* some_devices = R"({"devices":[
    {"vm":"web","name":"frames","role":"peer","model":"ivshmem_plain","region":"frames",
     "size":4096,"state":"attached","origin":"managed","bus":"pci.0","slot":29},
    {"vm":"web","name":"stray","role":"peer","model":"ivshmem_plain","region":"frames",
     "size":4096,"state":"attached","origin":"managed","bus":"pci.0","slot":28},
    {"vm":"web","name":"theirs","role":"auto","model":"ivshmem_plain","size":4096,
     "state":"attached","origin":"foreign","bus":"pci.0","slot":3},
    {"vm":"db","name":"going","role":"peer","model":"ivshmem_plain","region":"frames",
     "size":4096,"state":"detaching","origin":"managed","bus":"pci.0","slot":29},
    {"vm":"lost","name":"frames","role":"peer","model":"ivshmem_plain","region":"frames",
     "size":4096,"state":"attached","origin":"managed","stale":true}]})";

class CtlTopologyDeclared : public testing::Test {
  protected:
    Outcome show(const std::string& text, std::vector<std::string> options = {}) {
        std::ofstream(path_) << text;
        std::vector<std::string> arguments{"topology", "--declared", path_};
        arguments.insert(arguments.end(), options.begin(), options.end());
        const auto caller = [this](const Address&, std::string_view method, const json&,
                                   const Wait&) {
            ++calls_;
            return reply_of(replies_.at(std::string(method.substr(method.rfind('.') + 1))));
        };
        return run_with(arguments, caller);
    }
    /// "VM/DEVICE STATE" of each, as JSON has it.
    std::vector<std::string> states(const std::string& text) {
        const Outcome outcome = show(text, {"--json=short"});
        const json reply(json::parse(outcome.out));
        EXPECT_EQ(outcome.code, reply["matches"] == true ? 0 : 1);
        std::vector<std::string> words;
        for (const json& each : reply["declared"]) {
            std::string reason = each.value("reason", "");
            words.push_back(
                each["vm"].get<std::string>() + "/" + each["device"].get<std::string>() + " " +
                each["state"].get<std::string>() + (reason.empty() ? "" : ": " + reason));
        }
        return words;
    }
    static std::string device(const std::string& name, const std::string& vms,
                              const std::string& more = "") {
        return "[[device]]\nname = \"" + name + "\"\nvms = [" + vms + "]\n" + more + "\n";
    }

    std::map<std::string, const char*> replies_{
        {"ListVms", some_vms}, {"ListRegions", some_regions}, {"ListDevices", some_devices}};
    ivshmemd::test::TempDir directory_;
    const std::string path_ = directory_ / "t.toml";
    int calls_ = 0;
};

TEST_F(CtlTopologyDeclared, TellsWhatIsInPlaceMissingOtherwiseAndBesideIt) {
    EXPECT_EQ(states(device("frames", R"("web", "db")") + device("frames", R"("lost", "nobody")") +
                     device("going", "\"db\"", "region = \"frames\"")),
              (std::vector<std::string>{"db/frames missing", "db/going missing: it is detaching",
                                        "lost/frames unknown: the VM is unreachable",
                                        "nobody/frames missing: there is no VM of that name",
                                        "web/frames inPlace", "web/stray undeclared",
                                        "web/theirs foreign"}));
    EXPECT_EQ(states("[[region]]\nname = \"frames\"\nmode = \"0600\"\n" +
                     device("frames", "\"web\"", "role = \"master\"") +
                     device("stray", "\"web\"", "region = \"frames\"")),
              (std::vector<std::string>{
                  "db/going undeclared: it is detaching", "lost/frames undeclared",
                  "web/frames differs: it has role peer; region frames has mode 0660",
                  "web/stray differs: region frames has mode 0660", "web/theirs foreign"}));
}

TEST_F(CtlTopologyDeclared, SaysByItsStatusWhetherAllIsInPlace) {
    const std::string in_place = device("frames", "\"web\"");
    EXPECT_EQ(show(in_place).code, 0);
    EXPECT_EQ(show(in_place, {"--prune"}).code, 1) << "a device is there beside it";
    EXPECT_EQ(show(device("frames", "\"db\"")).code, 1);
    EXPECT_EQ(show(device("frames", "\"lost\"")).code, 1) << "nobody knows";
    replies_["ListDevices"] = R"({"devices":[{"vm":"web","name":"theirs","state":"attached",
        "role":"auto","origin":"foreign"}]})";
    EXPECT_EQ(show("", {"--prune"}).code, 0);
}

TEST_F(CtlTopologyDeclared, IsATableForPeople) {
    const Outcome outcome = show(device("frames", R"("web", "db")", "size = \"4K\""));
    EXPECT_THAT(outcome.out, HasSubstr("VM    DEVICE  STATE         DECLARED"));
    EXPECT_THAT(outcome.out, HasSubstr("db    frames  missing       peer, region frames, 4K"));
    EXPECT_THAT(outcome.out, HasSubstr("web   frames  in place      peer, region frames, 4K"));
    EXPECT_THAT(outcome.out, HasSubstr("ivshmem-plain, peer, pci.0 slot 28, region frames, 4K"));
    EXPECT_THAT(outcome.out, HasSubstr("not declared"));
}

TEST_F(CtlTopologyDeclared, IsMarkedInTheGraph) {
    const std::string text = device("frames", R"("web", "db")", "role = \"master\"") +
                             device("bell", "\"db\"", "server = \"/run/b.sock\"");
    const Outcome outcome = show(text, {"--dot"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, HasSubstr("\"VM web\" -- \"region frames\" [label=\"frames, peer, "
                                       "differs: it has role peer\", style=dashed];"));
    EXPECT_THAT(outcome.out, HasSubstr("\"VM db\" -- \"region frames\" [label=\"frames, master, "
                                       "missing\", style=\"bold,dashed\"];"));
    EXPECT_THAT(outcome.out, HasSubstr("\"VM db\" -- \"server /run/b.sock\" [label=\"bell, peer, "
                                       "missing\", style=dashed];"));
    EXPECT_THAT(outcome.out, HasSubstr("stray, peer, not declared"));
}

TEST_F(CtlTopologyDeclared, AsksNobodyAboutAFileThatIsWrong) {
    const Outcome outcome =
        show(device("frames", R"("web", "web")", "size = \"3M\"") + device("x", "", "mood = 1"));
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(calls_, 0);
    EXPECT_THAT(outcome.err, HasSubstr(path_ + ":4: /device/0/size: "));
    EXPECT_THAT(outcome.err, HasSubstr(path_ + ":8: /device/1/mood: there is no such key"));
    EXPECT_THAT(outcome.err, HasSubstr(path_ + ":7: /device/1/vms: "));
    EXPECT_THAT(outcome.err, HasSubstr("; and 3 more\n"));
    const Outcome as_json = show("[[device]]\n", {"--json=short"});
    EXPECT_EQ(json::parse(as_json.out)["error"], "InvalidParameter");
    EXPECT_EQ(json::parse(as_json.out)["parameters"]["faults"][0]["key"], "/device/0/name");
}

TEST_F(CtlTopologyDeclared, NeedsAFileForPrune) {
    EXPECT_EQ(run_with({"topology", "--prune"}, Recorder().caller()).code, 2);
}

}  // namespace
}  // namespace ivshmemd::ctl::test
