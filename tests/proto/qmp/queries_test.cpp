#include "proto/qmp/queries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/proto/qmp/recording.h"

namespace ivshmemd::qmp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::UnorderedElementsAre;

/// Replies that are not of any form a reader expects.
const std::vector<json>& odd_replies() {
    static const std::vector<json> all = {
        nullptr,
        true,
        1,
        1.5,
        "text",
        json::array(),
        json::object(),
        json::parse(R"([null, 1, "x", [], {}, {"name": 1, "type": 2, "label": null}])"),
        json::parse(R"({"status": 1, "devices": 1, "name": []})"),
        json::parse(R"([{"devices": null}, {"devices": {}}, {"devices": [1, null, [], {}]}])"),
        json::parse(R"([{"devices": [{"pci_bridge": 1}, {"pci_bridge": {"bus": [], "devices": 3}},
                                     {"regions": {}}, {"regions": [1, {}, {"bar": "2"}]}]}])"),
    };
    return all;
}

TEST(Queries, ReadOddRepliesWithoutHarm) {
    std::vector<const json*> replies = {nullptr};
    for (const json& reply : odd_replies()) replies.push_back(&reply);
    for (const json* reply : replies) {
        SCOPED_TRACE(reply ? reply->dump() : "no reply");
        for (const QomEntry& entry : read_qom_list(reply)) EXPECT_EQ(entry.child_type(), "");
        EXPECT_FALSE(read_run_state(reply));
        EXPECT_EQ(read_uuid(reply), "");
        EXPECT_FALSE(read_kvm_enabled(reply));
        EXPECT_THAT(read_type_names(reply), IsEmpty());
        EXPECT_THAT(read_chardev_labels(reply), IsEmpty());
        for (const PciFunction& function : read_pci(reply)) {
            EXPECT_EQ(function.qdev_id, "");
            EXPECT_FALSE(function.bar2_size);
            EXPECT_FALSE(function.bar2_mapped);
        }
    }
}

TEST(Queries, AreSpelledAsRecorded) {
    for (const test::Recording& recording : test::recordings()) {
        SCOPED_TRACE(recording.name());
        const auto recorded = [&](const char* step) { return recording.at(step).command; };
        EXPECT_EQ(command_object(list_ivshmem_types()), recorded("probe"));
        EXPECT_EQ(command_object(list_device_properties("ivshmem-plain")),
                  recorded("properties ivshmem-plain"));
        EXPECT_EQ(command_object(qom_list("/objects")), recorded("list /objects"));
        EXPECT_EQ(command_object(qom_get("/machine", "type")), recorded("machine type"));
        EXPECT_EQ(command_object(query_status()), recorded("query-status"));
        EXPECT_EQ(command_object(query_uuid()), recorded("query-uuid"));
        EXPECT_EQ(command_object(query_kvm()), recorded("query-kvm"));
    }
}

TEST(Queries, ReadTheRecordedModels) {
    for (const test::Recording& recording : test::recordings()) {
        SCOPED_TRACE(recording.name());
        const auto names = read_type_names(&recording.at("probe").value);
        if (recording.version() < Version{4, 0, 0}) {
            EXPECT_THAT(names,
                        UnorderedElementsAre("ivshmem", "ivshmem-plain", "ivshmem-doorbell"));
        } else {
            EXPECT_THAT(names, UnorderedElementsAre("ivshmem-plain", "ivshmem-doorbell"));
        }
    }
}

TEST(Queries, ReadTheRecordedRunState) {
    for (const test::Recording& recording : test::recordings()) {
        EXPECT_EQ(read_run_state(&recording.at("query-status").value), "prelaunch");
    }
}

TEST(Queries, ReadTheRecordedUuidAndThatThereIsNoKvm) {
    for (const test::Recording& recording : test::recordings()) {
        EXPECT_EQ(read_uuid(&recording.at("query-uuid").value),
                  "00000000-0000-0000-0000-000000000000");
        EXPECT_FALSE(read_kvm_enabled(&recording.at("query-kvm").value));
    }
    const json with_kvm{{"enabled", true}, {"present", true}};
    EXPECT_TRUE(read_kvm_enabled(&with_kvm));
}

TEST(Queries, KnowTheWordsOfAQemuWithoutAMachine) {
    EXPECT_TRUE(says_no_machine(
        "The command 'query-kvm' is permitted only after machine initialization has completed"));
    EXPECT_TRUE(says_no_machine("The command 'query-kvm' isn't permitted in 'preconfig' state"));
    EXPECT_FALSE(says_no_machine("The command query-kvm has not been found"));
    EXPECT_FALSE(says_no_machine(""));
}

TEST(Queries, ReadTheRecordedChardevs) {
    for (const test::Recording& recording : test::recordings()) {
        SCOPED_TRACE(recording.name());
        EXPECT_THAT(read_chardev_labels(&recording.at("query-chardev").value),
                    UnorderedElementsAre("compat_monitor0", "compat_monitor1"));
        EXPECT_THAT(read_chardev_labels(&recording.at("query-chardev with doorbell").value),
                    IsSupersetOf({"ivshmemd.db.chr", "compat_monitor0"}));
    }
}

TEST(QomEntry, TellsAChildsType) {
    EXPECT_EQ((QomEntry{"a", "child<ivshmem-plain>"}).child_type(), "ivshmem-plain");
    EXPECT_EQ((QomEntry{"a", "child<>"}).child_type(), "");
    for (const char* type : {"", "bool", "link<ivshmem-plain>", "child<ivshmem-plain", "child<",
                             "ivshmem-plain>", " child<x>"}) {
        EXPECT_EQ((QomEntry{"a", type}).child_type(), "") << type;
    }
}

TEST(QomEntry, IsReadFromTheRecordedLists) {
    for (const test::Recording& recording : test::recordings()) {
        SCOPED_TRACE(recording.name());
        std::vector<std::string> models;
        for (const auto& entry : read_qom_list(&recording.at("list /machine/peripheral").value)) {
            if (entry.child_type() == "ivshmem-plain") models.push_back(entry.name);
        }
        EXPECT_THAT(models, ElementsAre("cold"));
    }
}

const PciFunction* find_id(const std::vector<PciFunction>& functions, std::string_view id) {
    for (const PciFunction& each : functions) {
        if (each.qdev_id == id) return &each;
    }
    return nullptr;
}

TEST(ReadPci, SeesTheRecordedDevicesOfTheRootBus) {
    for (const test::Recording& recording : test::recordings()) {
        if (recording.q35()) continue;
        SCOPED_TRACE(recording.name());
        const auto functions = read_pci(&recording.at("query-pci with device").value);
        EXPECT_EQ(functions.size(), 6U);
        const PciFunction* device = find_id(functions, "ivshmemd.bus0");
        ASSERT_TRUE(device);
        EXPECT_EQ(device->bus, 0);
        EXPECT_EQ(device->slot, 3);
        EXPECT_EQ(device->function, 0);
        EXPECT_FALSE(device->bridge);
        EXPECT_EQ(device->bar2_size, 1048576U);
        EXPECT_FALSE(device->bar2_mapped);  // no guest has run
    }
}

TEST(ReadPci, SeesTheRecordedPortsAsClosedBeforeFirmware) {
    for (const test::Recording& recording : test::recordings()) {
        if (!recording.q35()) continue;
        SCOPED_TRACE(recording.name());
        const auto functions = read_pci(&recording.at("query-pci").value);
        for (const char* id : {"rp0", "rp1", "rp2", "rp3"}) {
            const PciFunction* port = find_id(functions, id);
            ASSERT_TRUE(port) << id;
            EXPECT_TRUE(port->bridge);
            EXPECT_EQ(port->secondary, 0);
            EXPECT_GT(port->prefetch_window.first, port->prefetch_window.last);
        }
        EXPECT_FALSE(find_id(functions, "cold"));  // behind a port that has no number yet
    }
}

// As QEMU 7.2 shows a port and the device behind it once firmware has numbered them.
const json& numbered_port() {
    static const json reply = json::parse(R"([{"bus": 0, "devices": [
        {"bus": 0, "slot": 2, "function": 0, "qdev_id": "rp1", "regions": [
            {"bar": 0, "size": 4096, "address": 4273999872, "type": "memory"}],
         "pci_bridge": {
            "bus": {"number": 0, "secondary": 1, "subordinate": 1,
                    "prefetchable_range": {"base": 4271898624, "limit": 4273995775},
                    "memory_range": {"base": 4269801472, "limit": 4271898623}},
            "devices": [
                {"bus": 1, "slot": 0, "function": 0, "qdev_id": "iv0", "regions": [
                    {"bar": 0, "size": 256, "address": 4269801472, "type": "memory"},
                    {"bar": 2, "size": 1048576, "address": 4271898624, "type": "memory"}]}]}}]}])");
    return reply;
}

TEST(ReadPci, SeesADeviceBehindANumberedPort) {
    const auto functions = read_pci(&numbered_port());
    ASSERT_EQ(functions.size(), 2U);
    EXPECT_TRUE(functions[0].bridge);
    EXPECT_EQ(functions[0].secondary, 1);
    EXPECT_EQ(functions[0].prefetch_window.first, 4271898624U);
    EXPECT_EQ(functions[0].prefetch_window.last, 4273995775U);
    EXPECT_EQ(functions[1].qdev_id, "iv0");
    EXPECT_EQ(functions[1].bus, 1);
    EXPECT_EQ(functions[1].bar2_size, 1048576U);
    EXPECT_TRUE(functions[1].bar2_mapped);
}

TEST(ReadPci, TellsAMappedBarByItsAddress) {
    const auto mapped = [](json address) {
        const json reply = {{{"devices", {{{"regions", {{{"bar", 2}, {"address", address}}}}}}}}};
        const auto functions = read_pci(&reply);
        return functions.size() == 1 && functions[0].bar2_mapped;
    };
    EXPECT_TRUE(mapped(0x100000000));
    EXPECT_TRUE(mapped(0xfe800000U));
    EXPECT_FALSE(mapped(-1));
    EXPECT_FALSE(mapped(UINT64_MAX));
    EXPECT_FALSE(mapped(0));
    EXPECT_FALSE(mapped(nullptr));
    EXPECT_FALSE(mapped("0x100000000"));
}

TEST(ReadPci, LooksAtNoBarButTheSecond) {
    const json reply = {{{"devices",
                          {{{"regions",
                             {{{"bar", 0}, {"size", 256}, {"address", 4096}},
                              {{"bar", 1}, {"size", 4096}, {"address", 8192}}}}}}}}};
    const auto functions = read_pci(&reply);
    ASSERT_EQ(functions.size(), 1U);
    EXPECT_FALSE(functions[0].bar2_size);
    EXPECT_FALSE(functions[0].bar2_mapped);
}

TEST(RamBlocks, AreFoundByTheWholeNameOfTheirBackend) {
    const json blocks =
        "              Block Name    PSize              Offset\n"
        "                  pc.ram    4 KiB  0x0000000000000000\n"
        "0000:00:1f.0/ivshmemd.a.mem    4 KiB  0x0000000004060000\n";
    EXPECT_TRUE(mentions_backend(&blocks, "ivshmemd.a.mem"));
    EXPECT_FALSE(mentions_backend(&blocks, "ivshmemd.a"));
    EXPECT_FALSE(mentions_backend(&blocks, "a.mem"));
    EXPECT_FALSE(mentions_backend(&blocks, "ivshmemd.a.mem.2"));
    EXPECT_FALSE(mentions_backend(nullptr, "ivshmemd.a.mem"));
}

}  // namespace
}  // namespace ivshmemd::qmp
