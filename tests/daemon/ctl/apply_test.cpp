#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/daemon/ctl/captured.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::HasSubstr;

class CtlApply : public testing::Test {
  protected:
    Outcome apply(const std::string& text, std::vector<std::string> options = {}) {
        std::ofstream(path_) << text;
        std::vector<std::string> arguments{"apply", path_};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return run_with(arguments, recorder_.caller());
    }

    ivshmemd::test::TempDir directory_;
    const std::string path_ = directory_ / "t.toml";
    Recorder recorder_;
};

constexpr const char* two = "[[device]]\nname = \"x\"\nvms = [\"web\", \"db\"]\n";

TEST_F(CtlApply, SendsTheFileAndShowsWhatWasDone) {
    recorder_.answer = reply_of(R"({"changed":true,"changes":[
        {"vm":"db","device":"x","action":"exchange","reason":"role peer","becomes":
         {"model":"ivshmem_plain","role":"master","size":4096,"region":"x","bus":"pci.0","slot":3}},
        {"vm":"web","device":"x","action":"keep"},{"vm":"web","device":"y","action":"detach"}]})");
    const Outcome outcome = apply(two, {"--prune", "--timeout", "2"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(recorder_.parameters,
              json::parse(R"({"topology":{"device":[{"name":"x","vms":["web","db"]}]},
                              "prune":true,"timeoutMs":2000})"));
    EXPECT_TRUE(recorder_.wait.changes_something);
    EXPECT_THAT(outcome.out, HasSubstr("it had role peer"));
    EXPECT_THAT(outcome.out, HasSubstr("ivshmem-plain, master, pci.0 slot 3, region x, 4K"));
    EXPECT_THAT(outcome.out, HasSubstr("detach"));
    EXPECT_THAT(outcome.out, HasSubstr("1 device is as described\n"));
}

TEST_F(CtlApply, SaysThatNothingHadToBeDone) {
    recorder_.answer = reply_of(R"({"changed":false,"changes":[
        {"vm":"web","device":"x","action":"keep"},{"vm":"db","device":"x","action":"keep"}]})");
    const Outcome outcome = apply(two, {"--dry-run"});
    EXPECT_EQ(outcome.out, "2 devices are as described\n");
    EXPECT_FALSE(recorder_.wait.changes_something);
}

TEST_F(CtlApply, SaysInWhichLineEveryFaultIs) {
    const json parameters = json::parse(R"({"message":"web/x: odd; and 2 more; nothing has changed",
        "error":"BadSize","undone":true,"faults":[
        {"error":"BadSize","vm":"web","device":"x","key":"/device/0","message":"odd"},
        {"error":"NoSuchVm","vm":"db","key":"/device/0/vms/1","message":"none"},
        {"error":"InvalidParameter","key":"/device/0/mood","message":"no such key"}]})");
    recorder_.answer = daemon_error("io.ivshmemd.Hotplug.TransactionFailed",
                                    std::make_shared<const json>(parameters));
    const Outcome outcome = apply(two);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err, "ivshmemctl: web/x: odd; and 2 more; nothing has changed\n  " + path_ +
                               ":1: /device/0: web/x: odd\n  " + path_ +
                               ":3: /device/0/vms/1: db: none\n  " + path_ +
                               ":1: /device/0/mood: no such key\n");
    EXPECT_EQ(outcome.out, "");
    const Outcome as_json = apply(two, {"--json=short"});
    EXPECT_EQ(json::parse(as_json.out)["parameters"], parameters);
}

TEST_F(CtlApply, AsksNobodyAboutAFileThatCannotBeRead) {
    const Outcome outcome = apply("[[device\n");
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, HasSubstr(path_ + ":1"));
    EXPECT_EQ(recorder_.calls, 0);
}

}  // namespace
}  // namespace ivshmemd::ctl::test
