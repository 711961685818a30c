#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::HasSubstr;

TEST(CtlManyVms, AreNamedWithCommas) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"results":[
        {"changed":true,"device":{"vm":"web","model":"ivshmem_plain","role":"peer","size":4096,
         "region":"shm0","bus":"pci.0","slot":29}},
        {"changed":false,"device":{"vm":"db","model":"ivshmem_plain","role":"peer","size":4096,
         "region":"shm0","bus":"pci.0","slot":3}}]})");
    const Outcome outcome =
        run_with({"attach", "web,db", "shm0", "--size", "4K"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out,
              "attached shm0 to web: ivshmem-plain, peer, pci.0 slot 29, region shm0, 4K\n"
              "already attached shm0 to db: ivshmem-plain, peer, pci.0 slot 3, region shm0, 4K\n");
    EXPECT_TRUE(recorder.method.ends_with(".AttachMany"));
    EXPECT_EQ(recorder.parameters,
              json({{"vms", {"web", "db"}}, {"name", "shm0"}, {"size", 4096}}));
    EXPECT_TRUE(recorder.wait.more);
    EXPECT_TRUE(recorder.wait.changes_something);
}

TEST(CtlManyVms, AreNamedWithTheirDeviceInOneWord) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"results":[]})");
    run_with({"attach", "web,,db/shm0"}, recorder.caller());
    EXPECT_EQ(recorder.parameters, json({{"vms", {"web", "", "db"}}, {"name", "shm0"}}));
}

TEST(CtlManyVms, ShowTheirCommandsOnADryRun) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"results":[{"changed":true,"device":{"vm":"web"},
        "commands":[{"execute":"device_add"}]}]})");
    const Outcome outcome = run_with({"attach", "web,db", "x", "--dry-run"}, recorder.caller());
    EXPECT_THAT(outcome.out, HasSubstr("web: "));
    EXPECT_THAT(outcome.out, HasSubstr("{\"execute\":\"device_add\"}\n"));
    EXPECT_FALSE(recorder.wait.changes_something);
}

TEST(CtlManyVms, ExitWithSevenWhileOneIsPending) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"results":[{"vm":"web","result":"removed"},
        {"vm":"db","result":"pending"}],"regionKept":"x: mapped"})");
    const Outcome outcome =
        run_with({"detach", "web,db", "x", "--timeout", "2"}, recorder.caller());
    EXPECT_EQ(outcome.code, 7);
    EXPECT_EQ(outcome.out, "web: removed\ndb: pending\n");
    EXPECT_THAT(outcome.err, HasSubstr("x: mapped"));
    EXPECT_THAT(outcome.err, HasSubstr("stay 'detaching'"));
    EXPECT_TRUE(recorder.method.ends_with(".DetachMany"));
    EXPECT_EQ(recorder.parameters,
              json({{"vms", {"web", "db"}}, {"name", "x"}, {"timeoutMs", 2000}}));
}

Answer failed_of(const std::string& error) {
    const json parameters{{"message", "db/x: no; nothing has changed"},
                          {"error", error},
                          {"undone", true},
                          {"faults",
                           {{{"vm", "db"}, {"device", "x"}, {"message", "no"}},
                            {{"vm", "web"}, {"message", "neither"}}}}};
    return daemon_error("io.ivshmemd.Hotplug.TransactionFailed",
                        std::make_shared<const json>(parameters));
}

TEST(CtlManyVms, FailWithTheExitCodeOfTheFirstError) {
    for (const auto& [error, code] : std::vector<std::pair<std::string, int>>{
             {"NoSuchVm", 3}, {"MasterExists", 6}, {"TimedOut", 7}, {"InvalidParameter", 2}}) {
        Recorder recorder;
        recorder.answer = failed_of(error);
        EXPECT_EQ(run_with({"attach", "web,db", "x"}, recorder.caller()).code, code) << error;
    }
}

TEST(CtlManyVms, TellOfEveryFault) {
    Recorder recorder;
    recorder.answer = failed_of("BadSize");
    const Outcome outcome = run_with({"detach", "web,db", "x"}, recorder.caller());
    EXPECT_EQ(outcome.err,
              "ivshmemctl: db/x: no; nothing has changed\n  db/x: no\n  web: neither\n");
    EXPECT_EQ(outcome.out, "");
}

TEST(CtlManyVms, DoNotConcernADeviceThatIsNamedByItsPath) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"result":"removed"})");
    run_with({"detach", "web,db", "--qom-path", "/machine/x"}, recorder.caller());
    EXPECT_TRUE(recorder.method.ends_with(".Detach"));
}

}  // namespace
}  // namespace ivshmemd::ctl::test
