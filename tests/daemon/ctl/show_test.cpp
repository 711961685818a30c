#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

constexpr const char* two_devices = R"({"devices":[
    {"name":"shm0","vm":"web","state":"attached","stale":false,"origin":"managed",
     "model":"ivshmem_plain","role":"peer","blocksMigration":true,"size":67108864,"region":"shm0",
     "bus":"pci.0","slot":29,"guestAddress":"0000:00:1d.0","guestMapped":true,
     "interrupts":"none","qomPath":"/machine/peripheral/ivshmemd.shm0"},
    {"name":"other","vm":"web"}]})";

TEST(CtlShow, PrintsEveryFieldThatApplies) {
    Recorder recorder;
    recorder.answer = reply_of(two_devices);
    const Outcome outcome = run_with({"show", "web", "shm0"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out,
              "name:             shm0\n"
              "vm:               web\n"
              "state:            attached\n"
              "stale:            no\n"
              "origin:           managed\n"
              "model:            ivshmem-plain\n"
              "role:             peer\n"
              "blocks migration: yes\n"
              "size:             64M\n"
              "region:           shm0\n"
              "interrupts:       none\n"
              "bus:              pci.0\n"
              "slot:             29\n"
              "guest address:    0000:00:1d.0\n"
              "mapped by guest:  yes\n"
              "QOM path:         /machine/peripheral/ivshmemd.shm0\n");
}

TEST(CtlShow, CutsTheJsonReplyDownToThatDevice) {
    Recorder recorder;
    recorder.answer = reply_of(two_devices);
    const Outcome outcome = run_with({"show", "web", "other", "--json"}, recorder.caller());
    EXPECT_EQ(outcome.out, "{\"devices\":[{\"name\":\"other\",\"vm\":\"web\"}]}\n");
}

TEST(CtlShow, ExitsWithThreeWhenThereIsNoSuchDevice) {
    Recorder recorder;
    recorder.answer = reply_of(two_devices);
    const Outcome outcome = run_with({"show", "web", "shm", "--json"}, recorder.caller());
    const json printed = json::parse(outcome.out);
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(printed["error"], "NoSuchDevice");
    EXPECT_EQ(printed["parameters"]["vm"], "web");
    EXPECT_EQ(outcome.err, "ivshmemctl: VM 'web' has no device 'shm'; see 'ivshmemctl list web'\n");
}

TEST(CtlShow, PassesTheDaemonsErrorOn) {
    Recorder recorder;
    recorder.answer = daemon_error("io.ivshmemd.Hotplug.NoSuchVm", nullptr);
    EXPECT_EQ(run_with({"show", "web", "shm0"}, recorder.caller()).code, 3);
}

/// Answers with these VMs, and with one device for each other question.
Caller daemon_with(const json& vms, std::vector<json>& asked) {
    return [vms, &asked](const Address&, std::string_view method, const json& parameters,
                         const Wait&) {
        if (method.ends_with(".ListVms")) {
            return success(std::make_shared<const json>(json{{"vms", vms}}));
        }
        asked.push_back(parameters);
        return reply_of(R"({"devices":[{"name":"shm0"}],"allowed":true})");
    };
}

TEST(CtlOnlyVm, IsTakenByWhatChangesNothing) {
    std::vector<json> asked;
    const Caller caller = daemon_with({{{"name", "web"}}}, asked);
    for (const auto& line : std::vector<std::vector<std::string>>{
             {"show", "shm0"}, {"probe"}, {"can-migrate"}, {"show", "web", "shm0"}}) {
        const Outcome outcome = run_with(line, caller);
        EXPECT_EQ(outcome.code, 0) << outcome.err;
        EXPECT_EQ(asked.back(), json({{"vm", "web"}}));
    }
    for (const std::string command : {"attach", "detach"}) {
        EXPECT_EQ(run_with({command, "shm0"}, caller).code, 2) << command;
    }
    EXPECT_EQ(run_with({"migrate"}, caller).code, 2);
    EXPECT_EQ(asked.size(), 4u);
}

TEST(CtlShow, SaysWhichWordIsMissing) {
    std::vector<json> asked;
    const Caller two = daemon_with({{{"name", "db"}}, {{"name", "web"}}}, asked);
    const Outcome outcome = run_with({"show", "db"}, two);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.err,
              "ivshmemctl: NAME is missing: 'ivshmemctl show db NAME'; see 'ivshmemctl list db'\n");
    const Caller one = daemon_with({{{"name", "db"}}}, asked);
    EXPECT_EQ(run_with({"show", "db"}, one).err, outcome.err);
    const Caller like_its_device = daemon_with({{{"name", "shm0"}}}, asked);
    EXPECT_EQ(run_with({"show", "shm0"}, like_its_device).code, 0);
}

TEST(CtlOnlyVm, IsNotGuessedAmongSeveralOrNone) {
    std::vector<json> asked;
    const Caller two = daemon_with({{{"name", "db"}}, {{"name", "web"}}}, asked);
    for (const auto& line :
         std::vector<std::vector<std::string>>{{"show", "shm0"}, {"probe"}, {"can-migrate"}}) {
        const Outcome outcome = run_with(line, two);
        EXPECT_EQ(outcome.code, 2);
        EXPECT_EQ(outcome.err, "ivshmemctl: VM is required where there are several: db, web\n");
        EXPECT_EQ(run_with(line, daemon_with(json::array(), asked)).err,
                  "ivshmemctl: there is no VM; see 'ivshmemctl doctor'\n");
    }
    EXPECT_TRUE(asked.empty());
}

}  // namespace
}  // namespace ivshmemd::ctl::test
