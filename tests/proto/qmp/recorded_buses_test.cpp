#include "tests/proto/qmp/recorded_buses.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "proto/qmp/queries.h"

// That the recordings hold what other tests take from them.

namespace ivshmemd::test {
namespace {

using qmp::Command;
using qmp::qom_get;
using qmp::qom_list;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsNull;
using testing::Not;
using testing::NotNull;

constexpr const char* root = "/machine/q35/pcie.0";
constexpr const char* port = "/machine/peripheral/rp1";
constexpr const char* port_bus = "/machine/peripheral/rp1/rp1";

const std::string* text_of(const json* answer) {
    return as_string(answer);
}

class RecordedBusesOf : public testing::TestWithParam<std::string> {};

std::string spelled_without_dot(const testing::TestParamInfo<std::string>& info) {
    std::string name = info.param;
    std::replace(name.begin(), name.end(), '.', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(AllVersions, RecordedBusesOf,
                         testing::ValuesIn(versions_with_recorded_buses()), spelled_without_dot);

TEST(RecordedBuses, AreThoseOfFourVersions) {
    EXPECT_THAT(versions_with_recorded_buses(), ElementsAre("10.0", "11.1", "5.2", "7.2"));
    EXPECT_THROW(RecordedBuses("9.9", "q35"), std::runtime_error);
    EXPECT_THROW(RecordedBuses("10.0", "no such"), std::runtime_error);
}

TEST_P(RecordedBusesOf, StartedWithAllTopologiesButWhatIsTooNew) {
    const std::vector<std::string> topologies = recorded_topologies(GetParam());
    EXPECT_EQ(topologies.size(), 20U);
    for (const std::string& each : topologies) {
        const RecordedBuses buses(GetParam(), each);
        const bool too_new = GetParam() == "5.2" && each.starts_with("q35-native");
        EXPECT_EQ(buses.refused().has_value(), too_new) << each;
        EXPECT_EQ(buses.truths().empty(), too_new) << each;
    }
}

TEST_P(RecordedBusesOf, TellForEveryBusWhatBecameOfADevice) {
    for (const std::string& topology : recorded_topologies(GetParam())) {
        const RecordedBuses buses(GetParam(), topology);
        for (const BusTruth& each : buses.truths()) {
            EXPECT_NE(each.accepted, each.landed.empty()) << topology << " " << each.path;
            EXPECT_EQ(each.accepted, each.description.empty()) << topology << " " << each.path;
            EXPECT_THAT(buses.answer(qom_list(each.path)), NotNull());
            EXPECT_THAT(text_of(buses.answer(qom_get(each.path, "hotplug-handler"))), NotNull());
        }
    }
}

TEST_P(RecordedBusesOf, AnswerWhatAReaderStartsWith) {
    const RecordedBuses buses(GetParam(), "q35");
    for (const char* name : {"query-pci", "query-status", "query-chardev", "query-version"}) {
        EXPECT_THAT(buses.answer(Command(name)), NotNull()) << name;
    }
    for (const char* path :
         {"/machine", "/machine/peripheral", "/machine/unattached", "/objects"}) {
        EXPECT_THAT(buses.answer(qom_list(path)), NotNull()) << path;
    }
    EXPECT_EQ(*text_of(buses.answer(qom_get(port, "parent_bus"))), root);
    EXPECT_THAT(as_uint(buses.answer(qom_get(port, "addr"))), testing::Optional(testing::Gt(0U)));
}

TEST_P(RecordedBusesOf, HaveTheRootOfAQ35RefuseAndItsPortsAccept) {
    const RecordedBuses buses(GetParam(), "q35");
    EXPECT_FALSE(buses.truth(root).accepted);
    EXPECT_EQ(buses.truth(root).description, "Bus 'pcie.0' does not support hotplugging");
    EXPECT_TRUE(buses.truth(port_bus).accepted);
    EXPECT_EQ(buses.truth(port_bus).landed, port_bus);
    EXPECT_THROW(buses.truth("/machine/i440fx/pci.0"), std::runtime_error);
}

TEST(RecordedBuses, OfVersion10HaveARootThatRefusesAlthoughItHasAHandler) {
    const RecordedBuses buses("10.0", "q35");
    EXPECT_THAT(*text_of(buses.answer(qom_get(root, "hotplug-handler"))), Not(IsEmpty()));
    EXPECT_THAT(buses.answer(qom_get(root, "acpi-pcihp-bsel")), IsNull());
    EXPECT_FALSE(buses.truth(root).accepted);
    const RecordedBuses before("7.2", "q35");
    EXPECT_THAT(*text_of(before.answer(qom_get(root, "hotplug-handler"))), IsEmpty());
}

TEST_P(RecordedBusesOf, TellARefusalFromAPortThatIsInUse) {
    const RecordedBuses buses(GetParam(), "q35-bridge");
    EXPECT_TRUE(buses.truth(port_bus).in_use());
    EXPECT_FALSE(buses.truth(root).in_use());
}

TEST_P(RecordedBusesOf, TellWhereADeviceLandsWhoseBusSharesItsName) {
    const RecordedBuses buses(GetParam(), "q35-pxb");
    EXPECT_EQ(buses.truth(root).landed, "/machine/peripheral-anon/device[0]/pcie.0");
}

std::string description(const json* reply) {
    return reply ? reply->at("error").at("desc").get<std::string>() : "";
}

TEST_P(RecordedBusesOf, AnswerLikeQemuForWhatIsNotThere) {
    const RecordedBuses buses(GetParam(), "q35");
    const json* property = buses.reply(qom_get(port, "no-such"));
    EXPECT_EQ(description(property), "Property 'pcie-root-port.no-such' not found");
    EXPECT_EQ(description(buses.reply(qom_get("/machine/i440fx/pci.0", "hotplug-handler"))),
              "Device '/machine/i440fx/pci.0' not found");
    EXPECT_EQ(description(buses.reply(qom_list("/objects/none"))),
              "Device '/objects/none' not found");
    EXPECT_THAT(buses.answer(qom_get(port, "no-such")), IsNull());
    EXPECT_EQ(buses.reply(qom_get(port, "no-such")), property);  // asked again
}

TEST(RecordedBuses, FailTheTestForWhatWasNotRecorded) {
    static const RecordedBuses buses("7.2", "q35");
    EXPECT_NONFATAL_FAILURE(EXPECT_EQ(buses.reply(Command("query-mice")), nullptr),
                            "7.2 q35: query-mice");
    EXPECT_NONFATAL_FAILURE(EXPECT_EQ(buses.answer(qom_get(port, "romfile")), nullptr), "romfile");
    EXPECT_NONFATAL_FAILURE(EXPECT_EQ(buses.reply(qom_list("/backend")), nullptr), "/backend");
}

}  // namespace
}  // namespace ivshmemd::test
