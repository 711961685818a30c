// Numbers of QEMU that do not fit what they stand for: they say nothing, instead of something else.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/qmp/queries.h"
#include "tests/proto/qmp/inventory_answers.h"

namespace ivshmemd::qmp {
namespace {

const std::vector<const char*>& never_fitting() {
    static const std::vector<const char*> all{
        "-1",
        "4294967296",
        "4294967297",
        "9223372036854775808",
        "18446744073709551615",
        "1e300",
        "-1e300",
        "1.0",
        "true",
        "null",
        "\"1\"",
        "[]",
        "{}",
        "-2147483648",
        "18446744073709551616",
    };
    return all;
}

TEST(NumberRange, OfASizeIsThatOfTheApi) {
    const auto read = [](const char* text) {
        const json value = json::parse(text);
        return read_size(&value);
    };
    EXPECT_EQ(read("0"), 0U);
    EXPECT_EQ(read("4294967296"), std::uint64_t{1} << 32);
    EXPECT_EQ(read("9223372036854775807"), std::uint64_t{INT64_MAX});
    for (const char* text : {"-1", "9223372036854775808", "18446744073709551615", "1e300", "1.0"}) {
        EXPECT_EQ(read(text), std::nullopt) << text;
    }
}

TEST(NumberRange, OfADevfnIsThatOfABus) {
    const auto read = [](const char* text) {
        const json value = json::parse(text);
        return read_devfn(&value);
    };
    EXPECT_EQ(read("0"), 0);
    EXPECT_EQ(read("255"), 255);
    EXPECT_EQ(read("256"), std::nullopt);
    EXPECT_EQ(read("2147483648"), std::nullopt);
    for (const char* text : never_fitting()) EXPECT_EQ(read(text), std::nullopt) << text;
    EXPECT_EQ(read_devfn(nullptr), std::nullopt);
}

// One function of query-pci with another number in one place.
std::vector<PciFunction> with(const char* key, const char* text) {
    json function = {{"bus", 1}, {"slot", 2}, {"function", 3}, {"qdev_id", "x"}};
    function[key] = json::parse(text);
    const json reply = json::array({{{"bus", 0}, {"devices", json::array({function})}}});
    return read_pci(&reply);
}

TEST(NumberRange, OfAPlaceIsThatOfPci) {
    EXPECT_EQ(with("bus", "255").size(), 1U);
    EXPECT_EQ(with("slot", "31").size(), 1U);
    EXPECT_EQ(with("function", "7").size(), 1U);
    EXPECT_TRUE(with("bus", "256").empty());
    EXPECT_TRUE(with("slot", "32").empty());
    EXPECT_TRUE(with("function", "8").empty());
    for (const char* key : {"bus", "slot", "function"}) {
        for (const char* text : never_fitting()) EXPECT_TRUE(with(key, text).empty()) << text;
    }
}

TEST(NumberRange, OfASecondaryBusIsThatOfPci) {
    const auto secondary = [](const char* text) {
        const std::string bridge = std::string(R"({"bus": {"secondary": )") + text + "}}";
        return with("pci_bridge", bridge.c_str()).at(0).secondary;
    };
    EXPECT_EQ(secondary("255"), 255);
    EXPECT_EQ(secondary("256"), 0);
    for (const char* text : never_fitting()) EXPECT_EQ(secondary(text), 0) << text;
}

/// A doorbell device that says this of its vectors and its place.
DeviceSpec doorbell(const char* vectors, const char* address) {
    const std::string path = "/machine/peripheral/ivshmemd.x";
    Answers answers;
    const json nothing = json::array({{{"name", "type"}, {"type", "string"}}});
    answers.with(Command("query-status"), {{"status", "running"}})
        .with(qom_list("/machine/peripheral"), nothing)
        .with(qom_list("/machine/peripheral-anon"), nothing)
        .with(qom_list("/objects"), nothing)
        .with(Command("query-chardev"), json::array())
        .with_child("/machine/peripheral", "ivshmemd.x", "ivshmem-doorbell")
        .with_get(path, "vectors", json::parse(vectors))
        .with_get(path, "addr", json::parse(address));
    return device_at(take(answers).inventory, path).device.spec;
}

TEST(NumberRange, OfVectorsIsThatOfTheProperty) {
    EXPECT_EQ(doorbell("2", "0").vectors, 2U);
    EXPECT_EQ(doorbell("4294967295", "0").vectors, 4294967295U);
    for (const char* text : never_fitting()) {
        EXPECT_EQ(doorbell(text, "0").vectors, std::nullopt) << text;
    }
}

TEST(NumberRange, OfASlotIsThatOfABus) {
    EXPECT_EQ(doorbell("1", "248").slot, 31);
    EXPECT_EQ(doorbell("1", "4294967544").slot, 0) << "248 in its lower half";
    EXPECT_EQ(doorbell("1", "9223372036854775808").slot, 0);
}

}  // namespace
}  // namespace ivshmemd::qmp
