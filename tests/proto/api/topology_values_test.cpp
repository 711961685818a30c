#include "proto/api/topology_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ivshmemd::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

ReadTopology read(const char* text) {
    return read_topology(json::parse(text));
}

/// "/device/0/size BadSize" for each fault.
std::vector<std::string> faults_of(const char* text) {
    std::vector<std::string> faults;
    for (const Error& each : read(text).faults) {
        EXPECT_NE(each.message, "");
        faults.push_back(text_detail(each, "key") + " " + std::string(kind_name(each.kind)));
    }
    return faults;
}

TEST(ReadTopology, GivesEachVmItsDevices) {
    const ReadTopology got = read(R"({"region":[{"name":"frames","size":"64M"}],
        "device":[{"name":"frames","vms":["web","db"],"role":"master"}]})");
    EXPECT_THAT(got.faults, IsEmpty());
    ASSERT_EQ(got.topology.size(), 2u);
    const WantedDevice& second = got.topology[1];
    EXPECT_EQ(second.vm, "db");
    EXPECT_EQ(second.request.name, "frames");
    EXPECT_EQ(second.request.size, std::uint64_t{64} << 20);
    EXPECT_EQ(second.request.role, Role::master);
    EXPECT_EQ(second.request.region, std::nullopt);
    EXPECT_EQ(second.key, "/device/0");
    EXPECT_EQ(second.vm_key, "/device/0/vms/1");
}

TEST(ReadTopology, TakesEveryOptionOfADevice) {
    const ReadTopology got = read(R"({"device":[{"name":"x","vms":["a"],"size":4096,"region":"r",
        "role":"peer","model":"ivshmem-plain","bus":"rp0","slot":0,"readonly":true,"numa":1,
        "prealloc":false}]})");
    EXPECT_THAT(got.faults, IsEmpty());
    ASSERT_EQ(got.topology.size(), 1u);
    const DeviceRequest& request = got.topology[0].request;
    EXPECT_EQ(request.region, "r");
    EXPECT_EQ(request.model, Model::plain);
    EXPECT_EQ(request.bus, "rp0");
    EXPECT_EQ(request.slot, 0);
    EXPECT_EQ(request.readonly, true);
    EXPECT_EQ(request.numa, 1);
    EXPECT_EQ(request.prealloc, false);
}

TEST(ReadTopology, FindsRegionsInTheirDirectories) {
    const ReadTopology got = read(R"({"region":[
        {"name":"big","directory":"huge","size":"2M","numa":1},{"name":"both"},
        {"name":"both","directory":"huge"}],
        "device":[{"name":"big","vms":["a"]},{"name":"x","vms":["a"],"region":"big"},
        {"name":"y","vms":["a"],"region":"huge:big","size":"2M"},{"name":"both","vms":["a"]}]})");
    EXPECT_THAT(got.faults, IsEmpty());
    ASSERT_EQ(got.topology.size(), 4u);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(got.topology[i].request.region, "huge:big") << i;
        EXPECT_EQ(got.topology[i].request.numa, 1) << i;
        EXPECT_EQ(got.topology[i].request.size, std::uint64_t{2} << 20) << i;
    }
    EXPECT_EQ(got.topology[3].request.region, std::nullopt) << "the one in the usual directory";
}

TEST(ReadTopology, TakesTheModeOfARegion) {
    const ReadTopology got =
        read(R"({"region":[{"name":"x","mode":"0660"},{"name":"y","mode":"660"}],
        "device":[{"name":"x","vms":["a"]}]})");
    ASSERT_EQ(got.topology.size(), 1u);
    EXPECT_EQ(got.topology[0].mode, "0660");
    ASSERT_EQ(got.faults.size(), 1u);
    EXPECT_EQ(text_detail(got.faults[0], "key"), "/region/1/mode");
}

TEST(ReadTopology, FindsDoorbells) {
    const ReadTopology got = read(R"({"doorbell":[{"name":"bell","server":"/run/s","vectors":4}],
        "device":[{"name":"x","vms":["a"],"doorbell":"bell","msi":true},
        {"name":"y","vms":["a"],"server":"/run/t"}]})");
    EXPECT_THAT(got.faults, IsEmpty());
    ASSERT_EQ(got.topology.size(), 2u);
    EXPECT_EQ(got.topology[0].request.server, "/run/s");
    EXPECT_EQ(got.topology[0].request.vectors, 4u);
    EXPECT_EQ(got.topology[0].request.size, std::nullopt);
    EXPECT_EQ(got.topology[1].request.server, "/run/t");
}

TEST(ReadTopology, OfNothingIsEmpty) {
    EXPECT_THAT(read("{}").faults, IsEmpty());
    EXPECT_THAT(read(R"({"device":[],"region":null})").topology, IsEmpty());
}

TEST(ReadTopology, TellsOfAllFaultsAtOnce) {
    EXPECT_THAT(faults_of(R"({"regions":[],"region":[{"size":"3M"},{"name":"a/b"},{"name":"r"},
        {"name":"r"},{"name":"s","numa":true,"mood":1}],
        "doorbell":[{"name":"bell"},{"name":5,"server":""}],
        "device":[{"name":"x"},{"vms":["web"]},
        {"name":"y","vms":["web","web","../x",3],"role":"owner","slot":99,"size":true},
        {"name":"1z","vms":["a"]},{"name":"d","vms":["a"],"doorbell":"none"},
        {"name":"y","vms":["a"],"region":"no/region","model":"ivshmem-flat"}, 7]})"),
                UnorderedElementsAre(
                    "/regions InvalidParameter", "/region/0/size BadSize",
                    "/region/0/name InvalidParameter", "/region/1/name BadName",
                    "/region/3/name InvalidParameter", "/region/4/numa InvalidParameter",
                    "/region/4/mood InvalidParameter", "/doorbell/0/server InvalidParameter",
                    "/doorbell/1/name InvalidParameter", "/doorbell/1/server InvalidParameter",
                    "/device/0/vms InvalidParameter", "/device/1/name InvalidParameter",
                    "/device/2/vms/1 InvalidParameter", "/device/2/vms/2 BadName",
                    "/device/2/vms/3 InvalidParameter", "/device/2/role InvalidParameter",
                    "/device/2/slot InvalidParameter", "/device/2/size InvalidParameter",
                    "/device/3/name BadName", "/device/4/doorbell InvalidParameter",
                    "/device/5/region BadName", "/device/5/model InvalidParameter",
                    "/device/6 InvalidParameter", "/device/6/name InvalidParameter",
                    "/device/6/vms InvalidParameter"));
}

TEST(ReadTopology, FindsADeviceThatAVmIsGivenTwice) {
    EXPECT_THAT(faults_of(R"({"device":[{"name":"x","vms":["a","b"]},{"name":"x","vms":["b"]}]})"),
                ElementsAre("/device/1/vms/0 InvalidParameter"));
}

TEST(ReadTopology, ReadsWhatIsSoundBesideWhatIsNot) {
    const ReadTopology got = read(R"({"device":[{"name":"x","vms":["a","","b"]},
        {"name":"y","vms":["a"],"slot":99}]})");
    EXPECT_EQ(got.faults.size(), 2u);
    ASSERT_EQ(got.topology.size(), 2u);
    EXPECT_EQ(got.topology[1].vm, "b");
    EXPECT_EQ(got.topology[1].vm_key, "/device/0/vms/2");
}

TEST(ReadTopology, RefusesWhatIsNoDescription) {
    EXPECT_THAT(faults_of("[]"), ElementsAre(" InvalidParameter"));
    EXPECT_THAT(faults_of(R"({"device":{"name":"x"}})"), ElementsAre("/device InvalidParameter"));
    EXPECT_THAT(faults_of(R"({"a/b~c":1})"), ElementsAre("/a~1b~0c InvalidParameter"));
}

}  // namespace
}  // namespace ivshmemd::api
