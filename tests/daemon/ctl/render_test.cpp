#include "daemon/ctl/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/daemon/ctl/captured.h"

namespace ivshmemd::ctl::test {
namespace {

std::string rendered(void (*render)(const json&, Console&), const char* reply,
                     bool terminal = false, bool colour = false) {
    Captured captured;
    captured.console.out_is_terminal = terminal;
    captured.console.colour = colour;
    render(json::parse(reply), captured.console);
    return captured.out.str();
}

constexpr const char* vms = R"({"vms":[
    {"name":"web","qmpSocket":"/w","state":"connected","runState":"running",
     "qemuVersion":"7.2.0","machineType":"pc-i440fx-7.2","pid":4711,"deviceCount":2},
    {"name":"db","qmpSocket":"/d","state":"unreachable","deviceCount":0,
     "lastError":"no such file"}]})";

TEST(CtlRender, ShowsVmsAsATable) {
    EXPECT_EQ(rendered(render_vms, vms),
              "NAME  STATE        RUN-STATE  QEMU   MACHINE        PID   DEVICES  ERROR\n"
              "web   connected    running    7.2.0  pc-i440fx-7.2  4711  2        -\n"
              "db    unreachable  -          -      -              -     0        no such file\n");
}

TEST(CtlRender, LeavesTheErrorColumnOutWithoutErrors) {
    EXPECT_EQ(rendered(render_vms, R"({"vms":[{"name":"a","state":"busy","deviceCount":0}]})"),
              "NAME  STATE  RUN-STATE  QEMU  MACHINE  PID  DEVICES\n"
              "a     busy   -          -     -        -    0\n");
}

TEST(CtlRender, ShowsWhichDeclaredDevicesAVmLacks) {
    EXPECT_EQ(rendered(render_vms, R"({"vms":[{"name":"a","state":"connected","deviceCount":0,
                  "declaredFailures":[{"device":"x","message":"NoFreeSlot: none"},
                                      {"device":"y","message":"gone"}]}]})"),
              "NAME  STATE      RUN-STATE  QEMU  MACHINE  PID  DEVICES  ERROR\n"
              "a     connected  -          -     -        -    0        "
              "x: NoFreeSlot: none; y: gone\n");
}

constexpr const char* devices = R"({"devices":[
    {"vm":"web","name":"shm0","model":"ivshmem_plain","role":"peer","size":67108864,
     "region":"shm0","bus":"pci.0","slot":29,"state":"attached","origin":"managed",
     "blocksMigration":true,"stale":false},
    {"vm":"web","name":"device[0]","model":"ivshmem_doorbell","role":"auto","size":4096,
     "server":"/run/s","bus":"rp0","slot":0,"state":"detaching","origin":"foreign",
     "blocksMigration":false,"stale":true,"relayLost":true},
    {"vm":"x","name":"gone","model":"ivshmem_plain","role":"peer","size":5000,
     "state":"leaked","origin":"managed"}]})";

TEST(CtlRender, ShowsDevicesAsATableAndMarksStaleOnes) {
    EXPECT_EQ(
        rendered(render_devices, devices),
        "VM   NAME       MODEL             ROLE  SIZE  REGION  BUS    SLOT  STATE      NOTES\n"
        "web  shm0       ivshmem-plain     peer  64M   shm0    pci.0  29    attached   "
        "blocks migration\n"
        "web  device[0]  ivshmem-doorbell  auto  4K    /run/s  rp0    0     detaching  "
        "stale, foreign, relay lost\n"
        "x    gone       ivshmem-plain     peer  5000  -       -      -     leaked     -\n");
}

TEST(CtlRender, AddsALegendOnATerminalOnly) {
    EXPECT_TRUE(rendered(render_devices, devices, true).ends_with("\n3 devices listed.\n"));
    EXPECT_TRUE(rendered(render_devices, R"({"devices":[{"name":"a"}]})", true)
                    .ends_with("\n1 device listed.\n"));
    EXPECT_EQ(rendered(render_devices, R"({"devices":[]})", true),
              "No devices. See 'ivshmemctl attach --help'.\n");
    EXPECT_TRUE(
        rendered(render_vms, R"({"vms":[]})", true).starts_with("No VMs. Start the daemon"));
    EXPECT_EQ(rendered(render_vms, R"({"vms":[]})"), "");
}

TEST(CtlRender, ColoursWithoutMovingColumns) {
    EXPECT_EQ(
        rendered(render_vms, R"({"vms":[{"name":"a","state":"busy","deviceCount":0}]})", true, true)
            .substr(0, 56),
        "\x1b[1mNAME\x1b[0m  \x1b[1mSTATE\x1b[0m  \x1b[1mRUN-STATE\x1b[0m  \x1b[1mQEMU");
}

TEST(CtlRender, ShowsCapabilitiesAndBuses) {
    EXPECT_EQ(rendered(render_capabilities, R"({"capabilities":{
                  "models":["ivshmem_plain","ivshmem_doorbell"],"defaultModel":"ivshmem_plain",
                  "defaultModelWithServer":"ivshmem_doorbell","qemuVersion":"7.2.0",
                  "machineType":"pc-q35-7.2","probeMethod":"qom-list-types","buses":[
                  {"name":"pci.0","kind":"root","hotpluggable":true,
                   "freeSlots":[3,4,5,29,31],"usable":[3,4,5,29,31]},
                  {"name":"rp0","kind":"port","hotpluggable":false,"freeSlots":[],"usable":[],
                   "reason":"its port holds a device already"}]}})"),
              "QEMU version:        7.2.0\n"
              "machine type:        pc-q35-7.2\n"
              "models:              ivshmem-plain, ivshmem-doorbell\n"
              "default model:       ivshmem-plain\n"
              "model with a server: ivshmem-doorbell\n"
              "probe method:        qom-list-types\n"
              "\n"
              "BUS    KIND  HOTPLUG  FREE-SLOTS  NOTES\n"
              "pci.0  root  yes      3-5,29,31   -\n"
              "rp0    port  no       -           its port holds a device already\n");
}

TEST(CtlRender, SaysThatAMachineHasNoBus) {
    EXPECT_THAT(
        rendered(render_capabilities, R"({"capabilities":{"buses":[]}})"),
        testing::EndsWith("\nNo bus: the machine has no PCI bus; start the VM with a machine "
                          "type that has one, such as q35.\n"));
}

TEST(CtlRender, EscapesWhatAVmMayHaveWritten) {
    EXPECT_EQ(rendered(render_vms, R"({"vms":[{"name":"a\u001b[2J\nb\u202e"}]})"),
              "NAME               STATE  RUN-STATE  QEMU  MACHINE  PID  DEVICES\n"
              "a\\x1b[2J\\nb\\u202e  -      -          -     -        -    -\n");
}

TEST(CtlRender, SurvivesRepliesOfAnotherShape) {
    for (const char* reply : {"{}", R"({"vms":7,"devices":{},"capabilities":[]})",
                              R"({"vms":[1,null],"devices":[[],"x"],"capabilities":{"buses":[3]}})",
                              R"({"devices":[{"size":-1,"slot":{"a":1},"name":[[1]]}],
                                  "capabilities":{"buses":[{"freeSlots":[1,"x",-2]}]}})"}) {
        rendered(render_vms, reply);
        rendered(render_devices, reply);
        rendered(render_device_details, reply);
        EXPECT_TRUE(rendered(render_capabilities, reply).starts_with("QEMU version:        -\n"));
    }
}

}  // namespace
}  // namespace ivshmemd::ctl::test
