#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

constexpr const char* attached = R"({"changed":true,"device":{"name":"shm0","vm":"web",
    "model":"ivshmem_plain","role":"peer","size":67108864,"region":"shm0","bus":"pci.0","slot":29}})";

TEST(CtlAttach, SaysWhatWasResolvedInOneLine) {
    Recorder recorder;
    recorder.answer = reply_of(attached);
    const Outcome outcome = run_with({"attach", "web", "shm0"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out,
              "attached shm0 to web: ivshmem-plain, peer, pci.0 slot 29, region shm0, 64M\n");
    EXPECT_EQ(outcome.err, "");
    EXPECT_TRUE(recorder.wait.changes_something);
    EXPECT_EQ(recorder.wait.deadline, std::chrono::seconds(90));
}

TEST(CtlAttach, SaysWhenTheDeviceWasThereAlready) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"changed":false,"device":{"model":"ivshmem_doorbell",
        "role":"peer","size":4096,"server":"/s","bus":"rp0","slot":0}})");
    const Outcome outcome = run_with({"attach", "web", "b"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out,
              "already attached b to web: ivshmem-doorbell, peer, rp0 slot 0, server /s, 4K\n");
}

TEST(CtlAttach, SaysThatTheRelayIsLostOfTheDeviceThatWasThere) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"changed":false,"device":{"model":"ivshmem_doorbell",
        "role":"peer","size":4096,"server":"/s","bus":"rp0","slot":0,"relayLost":true}})");
    const Outcome outcome = run_with({"attach", "web/b", "--server", "/s"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, testing::StartsWith("already attached b to web"));
    EXPECT_EQ(outcome.err,
              "ivshmemctl: its relay is lost: it is cut off from its doorbell server, and peers "
              "that come now do not reach it; with the server running, 'ivshmemctl detach web b' "
              "and this attach once more join the server again\n");
    const Outcome dry = run_with({"attach", "web", "b", "--dry-run"}, recorder.caller());
    EXPECT_THAT(dry.err, testing::HasSubstr("its relay is lost"));
    const Outcome scripted = run_with({"attach", "web", "b", "--json"}, recorder.caller());
    EXPECT_EQ(scripted.err, "") << "the reply tells it there";
}

TEST(CtlAttach, PrintsOneQmpCommandPerLineOnADryRun) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"changed":true,"device":{},
        "commands":[{"execute":"object-add"},{"execute":"device_add"}]})");
    const Outcome outcome = run_with({"attach", "web", "shm0", "--dry-run"}, recorder.caller());
    EXPECT_EQ(outcome.out, "{\"execute\":\"object-add\"}\n{\"execute\":\"device_add\"}\n");
    EXPECT_FALSE(recorder.wait.changes_something);
}

TEST(CtlAttach, KeepsADryRunWithoutCommandsOffStandardOutput) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"changed":false,"device":{},"commands":[]})");
    const Outcome outcome = run_with({"attach", "web", "shm0", "--dry-run"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, testing::HasSubstr("already attached"));
}

TEST(CtlAttach, ReadsSizesInEveryUsualSpelling) {
    for (const std::string size : {"64M", "64m", "64MiB", "65536K", "67108864"}) {
        Recorder recorder;
        run_with({"attach", "web", "shm0", "--size", size}, recorder.caller());
        EXPECT_EQ(recorder.parameters["size"], 67108864) << size;
    }
}

TEST(CtlAttach, RefusesASizeAsItWasWrittenWithoutAskingTheDaemon) {
    Recorder recorder;
    const Outcome outcome =
        run_with({"attach", "web", "shm0", "--size", "96MiB"}, recorder.caller());
    EXPECT_EQ(outcome.err,
              "ivshmemctl: size 96MiB is not a power of two; the next sizes are 64M and 128M\n");
    EXPECT_EQ(recorder.calls, 0);
}

TEST(CtlAttach, PrintsTheReplyAsItIsUnderJson) {
    Recorder recorder;
    recorder.answer = reply_of(attached);
    const Outcome outcome = run_with({"attach", "web", "shm0", "--json"}, recorder.caller());
    EXPECT_EQ(json::parse(outcome.out), json::parse(attached));
}

}  // namespace
}  // namespace ivshmemd::ctl::test
