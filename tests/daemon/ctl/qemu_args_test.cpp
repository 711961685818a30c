#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

TEST(CtlQemuArgs, PrintsOneArgumentPerLineAsItIs) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"arguments": ["-object", "a,mem-path=/x y"]})");
    const Outcome outcome = run_with({"qemu-args", "web"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "-object\na,mem-path=/x y\n");
    EXPECT_EQ(outcome.err, "");
}

TEST(CtlQemuArgs, TellsHowToPlugInWhatItLeavesOut) {
    Recorder recorder;
    recorder.answer = reply_of(R"({"arguments": [], "leftOut": [
        {"name": "bell", "model": "ivshmem_doorbell", "role": "master", "size": 4096,
         "server": "/run/my bell", "vectors": 2, "msi": true, "ioeventfd": false, "bus": "pci.0",
         "slot": 30}]})");
    const Outcome outcome = run_with({"qemu-args", "web"}, recorder.caller());
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, testing::StartsWith("ivshmemctl: bell is left out: no QEMU that "));
    EXPECT_THAT(outcome.err,
                testing::HasSubstr("ivshmemctl attach web bell --model ivshmem-doorbell --role "
                                   "master --server '/run/my bell' --vectors 2 --bus pci.0 --slot "
                                   "30 --ioeventfd off\n"));
}

}  // namespace
}  // namespace ivshmemd::ctl::test
