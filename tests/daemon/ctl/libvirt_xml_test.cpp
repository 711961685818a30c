#include "daemon/ctl/libvirt_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/json.h"

namespace ivshmemd::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

json plain() {
    return {{"name", "frames"},    {"model", "ivshmem_plain"},
            {"role", "master"},    {"size", 1048576},
            {"region", "frames"},  {"memoryPath", "/dev/shm/a,b'c"},
            {"bus", "pci.0"},      {"slot", 30},
            {"origin", "managed"}, {"vm", "web"}};
}

TEST(LibvirtXml, KeepsNamesAndPlacesOfRegions) {
    std::vector<std::string> left_out;
    EXPECT_EQ(libvirt_xml(json::array({plain()}), left_out),
              R"(<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <qemu:arg value='-object'/>
  <qemu:arg value='memory-backend-file,id=ivshmemd.frames.mem,size=1048576,mem-path=/dev/shm/a,,b&apos;c,share=on'/>
  <qemu:arg value='-device'/>
  <qemu:arg value='ivshmem-plain,id=ivshmemd.frames,memdev=ivshmemd.frames.mem,master=on,bus=pci.0,addr=0x1e'/>
</qemu:commandline>
)");
    EXPECT_THAT(left_out, IsEmpty());
}

TEST(LibvirtXml, LeavesServersToLibvirt) {
    const json bell = {{"name", "bell"},     {"model", "ivshmem_doorbell"},
                       {"role", "peer"},     {"server", "/run/<b>"},
                       {"vectors", 2},       {"ioeventfd", true},
                       {"origin", "managed"}};
    std::vector<std::string> left_out;
    EXPECT_EQ(libvirt_xml(json::array({bell}), left_out), R"(<shmem name='bell' role='peer'>
  <model type='ivshmem-doorbell'/>
  <server path='/run/&lt;b>'/>
  <msi vectors='2' ioeventfd='on'/>
</shmem>
)");
}

TEST(LibvirtXml, NamesWhatItLeavesOut) {
    json foreign = plain();
    foreign["origin"] = "foreign";
    json without_file = plain();
    without_file["name"] = "none";
    without_file.erase("memoryPath");
    json without_name = plain();
    without_name["name"] = "nameless";
    without_name["memoryPath"] = "/proc/682/fd/11";
    std::vector<std::string> left_out;
    EXPECT_EQ(libvirt_xml(json::array({foreign, without_file, without_name}), left_out), "");
    EXPECT_THAT(left_out, ElementsAre("frames", "none", "nameless"));
}

TEST(LibvirtXml, KeepsWhatIsNotTheDefault) {
    json device = plain();
    device["backend"] = "mine";
    device["readonly"] = true;
    device["role"] = "peer";
    std::vector<std::string> left_out;
    const std::string xml = libvirt_xml(json::array({device}), left_out);
    EXPECT_THAT(xml, HasSubstr("id=mine,"));
    EXPECT_THAT(xml, HasSubstr("share=on,readonly=on'"));
    EXPECT_THAT(xml, HasSubstr("memdev=mine,master=off,"));
}

}  // namespace
}  // namespace ivshmemd::ctl
