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
    std::vector<LeftOut> left_out;
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

// libvirt would connect QEMU to the server itself, which does not survive peers that leave.
TEST(LibvirtXml, ConnectsNoDoorbellToItsServer) {
    json bell = {{"name", "bell"},     {"model", "ivshmem_doorbell"},
                 {"role", "peer"},     {"server", "/run/bell"},
                 {"vectors", 2},       {"ioeventfd", true},
                 {"origin", "managed"}};
    json of_unknown_server = bell;
    of_unknown_server["name"] = "nowhere";
    of_unknown_server.erase("server");
    std::vector<LeftOut> left_out;
    EXPECT_EQ(libvirt_xml(json::array({bell, of_unknown_server}), left_out), "");
    ASSERT_EQ(left_out.size(), 2u);
    EXPECT_EQ(left_out[0].device, "bell");
    EXPECT_THAT(left_out[0].why, HasSubstr("declare it in ivshmemd.toml"));
    EXPECT_EQ(left_out[1], (LeftOut{"nowhere", left_out[0].why}));
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
    std::vector<LeftOut> left_out;
    json legacy = plain();
    legacy["model"] = "ivshmem";
    EXPECT_EQ(libvirt_xml(json::array({foreign, without_file, without_name, legacy}), left_out),
              "");
    const std::string unknown = "its memory is no file that can be told";
    EXPECT_THAT(left_out, ElementsAre(LeftOut{"frames", "it is not ours"}, LeftOut{"none", unknown},
                                      LeftOut{"nameless", unknown},
                                      LeftOut{"frames", "it is of the legacy model"}));
}

TEST(LibvirtXml, KeepsWhatIsNotTheDefault) {
    json device = plain();
    device["backend"] = "mine";
    device["readonly"] = true;
    device["role"] = "peer";
    std::vector<LeftOut> left_out;
    const std::string xml = libvirt_xml(json::array({device}), left_out);
    EXPECT_THAT(xml, HasSubstr("id=mine,"));
    EXPECT_THAT(xml, HasSubstr("share=on,readonly=on'"));
    EXPECT_THAT(xml, HasSubstr("memdev=mine,master=off,"));
}

}  // namespace
}  // namespace ivshmemd::ctl
