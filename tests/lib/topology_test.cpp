#include "lib/topology.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace ivshmemd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

DeviceRequest peer(const std::string& name) {
    DeviceRequest request;
    request.name = name;
    return request;
}

WantedDevice wanted(const std::string& vm, const std::string& name, const std::string& key = "k") {
    return {vm, peer(name), key, key + "/vms/0"};
}

Device there(const std::string& name) {
    Device device;
    device.spec.name = name;
    device.spec.region = name;
    device.spec.size = 4096;
    device.origin = Origin::managed;
    return device;
}

/// "attach a/x" for each change.
std::vector<std::string> changes_of(const Difference& difference) {
    std::vector<std::string> texts;
    for (const Change& each : difference.changes) {
        texts.push_back(std::string(action_name(each.action)) + " " + each.vm + "/" + each.device);
    }
    return texts;
}

/// "a +x -y" for each plan.
std::vector<std::string> plans_of(const Difference& difference) {
    std::vector<std::string> texts;
    for (const VmPlan& plan : difference.plans) {
        std::string text = plan.vm;
        for (const DeviceRequest& each : plan.attach) text += " +" + each.name;
        for (const std::string& each : plan.detach) text += " -" + each;
        texts.push_back(text);
    }
    return texts;
}

TEST(Topology, AttachesWhatIsNotThereAndKeepsWhatIs) {
    const Difference difference = compare({wanted("b", "x"), wanted("a", "x"), wanted("a", "y")},
                                          {{"a", {{there("y")}, {}}}}, Undescribed::stay);
    EXPECT_THAT(changes_of(difference), ElementsAre("attach a/x", "keep a/y", "attach b/x"));
    EXPECT_THAT(plans_of(difference), ElementsAre("a +x", "b +x"));
}

TEST(Topology, ExchangesWhatIsThereOtherwise) {
    Topology topology{wanted("a", "x"), wanted("a", "y")};
    topology[1].request.role = Role::master;
    const Difference difference = compare(topology, {{"a", {{there("y")}, {}}}}, Undescribed::stay);
    EXPECT_THAT(changes_of(difference), ElementsAre("attach a/x", "exchange a/y"));
    EXPECT_EQ(difference.changes[1].reason, "role peer");
    EXPECT_EQ(difference.changes[1].step, 1u);
    EXPECT_THAT(plans_of(difference), ElementsAre("a +x +y -y"));
}

TEST(Topology, DetachesTheRestOnlyWhenAsked) {
    Device foreign = there("f");
    foreign.origin = Origin::foreign;
    Device leaving = there("l");
    leaving.state = DeviceState::detaching;
    Device leaked = there("m");
    leaked.state = DeviceState::leaked;
    const std::map<std::string, PresentDevices> present{
        {"a",
         {{there("x"), there("old"), there("declared"), foreign, leaving, leaked}, {"declared"}}},
        {"b", {{there("x")}, {}}},
        {"c", {{}, {}}}};
    const Topology topology{wanted("a", "x")};
    const Difference stay = compare(topology, present, Undescribed::stay);
    EXPECT_THAT(changes_of(stay), ElementsAre("keep a/x"));
    EXPECT_THAT(plans_of(stay), ElementsAre("a"));
    const Difference go = compare(topology, present, Undescribed::go);
    EXPECT_THAT(changes_of(go), ElementsAre("keep a/x", "detach a/old", "detach b/x"));
    EXPECT_THAT(plans_of(go), ElementsAre("a -old", "b -x"));
}

TEST(Topology, LeavesItToTheCheckThatADeviceIsOnItsWayOut) {
    Device leaving = there("x");
    leaving.state = DeviceState::detaching;
    const Difference difference =
        compare({wanted("a", "x")}, {{"a", {{leaving}, {}}}}, Undescribed::stay);
    EXPECT_THAT(changes_of(difference), ElementsAre("attach a/x"));
}

TEST(Topology, TakesALeakedBackendForNoDevice) {
    Device leaked = there("x");
    leaked.state = DeviceState::leaked;
    const Difference difference =
        compare({wanted("a", "x")}, {{"a", {{leaked}, {}}}}, Undescribed::stay);
    EXPECT_THAT(changes_of(difference), ElementsAre("attach a/x"));
}

TEST(CheckTopology, FindsADeviceThatAVmIsGivenTwice) {
    EXPECT_THAT(check_topology({wanted("a", "x"), wanted("b", "x"), wanted("a", "y")}), IsEmpty());
    const std::vector<Error> faults = check_topology(
        {wanted("a", "x", "/device/0"), wanted("b", "x"), wanted("a", "x", "/device/2")});
    ASSERT_EQ(faults.size(), 1u);
    EXPECT_EQ(faults[0].kind, ErrorKind::invalid_parameter);
    EXPECT_EQ(text_detail(faults[0], "key"), "/device/2/vms/0");
    EXPECT_THAT(faults[0].message, HasSubstr("/device/0"));
}

TEST(AddKeys, NamesTheDeviceOrTheVm) {
    Error device(ErrorKind::bad_size, "odd", {{"device", std::string("y")}});
    device.vm = "a";
    Error vm(ErrorKind::no_such_vm, "none");
    vm.vm = "b";
    Error pruned = device;
    pruned.details = {{"device", std::string("other")}};
    std::vector<Error> faults{device, vm, pruned};
    add_keys(faults, {wanted("a", "x", "0"), wanted("a", "y", "1"), wanted("b", "y", "2")});
    EXPECT_EQ(text_detail(faults[0], "key"), "1");
    EXPECT_EQ(text_detail(faults[1], "key"), "2/vms/0");
    EXPECT_EQ(text_detail(faults[2], "key"), "");
}

TEST(CheckMode, IsOfTheFileThatIsThereOrWouldBeMade) {
    const RegionFacts none;
    RegionFacts file;
    file.exists = true;
    file.mode = S_IFREG | 0640;
    EXPECT_TRUE(check_mode("", "/r", none, true));
    EXPECT_TRUE(check_mode("", "/r", file, true));
    EXPECT_TRUE(check_mode("0660", "/r", none, true));
    EXPECT_TRUE(check_mode("0664", "/r", none, true));
    EXPECT_TRUE(check_mode("0640", "/r", none, false));
    EXPECT_TRUE(check_mode("0640", "/r", file, true));
    EXPECT_EQ(check_mode("0640", "/r", none, true).error().kind, ErrorKind::config_unsupported);
    const Error other = check_mode("0660", "/r", file, true).error();
    EXPECT_EQ(other.kind, ErrorKind::region_mismatch);
    EXPECT_EQ(other.message,
              "/r has mode 0640, not the described 0660; chmod it, or describe 0640");
}

}  // namespace
}  // namespace ivshmemd
