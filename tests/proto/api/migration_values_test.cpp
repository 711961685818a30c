#include "proto/api/migration_values.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ivshmemd::api {
namespace {

const json& plain_spec() {
    static const json spec = json::parse(R"({"name": "p", "model": "ivshmem_plain",
        "role": "peer", "size": 1048576, "region": "p", "bus": "pci.0", "slot": 30})");
    return spec;
}

TEST(MigrationValues, ReadBackASpecAsItWasWritten) {
    const json bell = json::parse(R"({"name": "d", "model": "ivshmem", "role": "master",
        "size": 4096, "server": "/s", "vectors": 2, "msi": false, "ioeventfd": false,
        "bus": "rp0", "slot": 0})");
    json named(plain_spec());
    named["backend"] = "their.memory-2";
    for (const json& each : {plain_spec(), bell, named}) {
        const Result<DeviceSpec> spec = read_spec(each);
        ASSERT_TRUE(spec) << spec.error().message;
        EXPECT_EQ(spell_spec(*spec), each);
    }
}

TEST(MigrationValues, RefuseASpecThatLacksOrDistortsAnything) {
    for (const char* member : {"name", "model", "role", "size", "region", "bus", "slot"}) {
        json spec(plain_spec());
        spec.erase(member);
        EXPECT_FALSE(read_spec(spec)) << "without " << member;
        for (const json& wrong : {json(true), json(1.5), json::array(), json(""), json(-1)}) {
            spec[member] = wrong;
            EXPECT_FALSE(read_spec(spec)) << member << " " << wrong;
        }
    }
    const json faults = {{"server", "/s"},   {"msi", 1},     {"vectors", "1"},
                         {"role", "auto"},   {"slot", 32},   {"name", "../x"},
                         {"region", "../x"}, {"unknown", 1}, {"backend", "a,b"}};
    for (const auto& [member, value] : faults.items()) {
        json spec(plain_spec());
        spec[member] = value;
        EXPECT_FALSE(read_spec(spec)) << member << " " << value;
    }
    EXPECT_FALSE(read_spec(json(1)));
}

TEST(MigrationValues, RefuseTwoSpecsOfOneName) {
    EXPECT_TRUE(read_specs(json::array({plain_spec()})));
    const Result<std::vector<DeviceSpec>> specs =
        read_specs(json::array({plain_spec(), plain_spec()}));
    ASSERT_FALSE(specs);
    EXPECT_EQ(specs.error().kind, ErrorKind::invalid_parameter);
    EXPECT_FALSE(read_specs(json::object()));
}

TEST(MigrationValues, SpellReasons) {
    const json reasons =
        spell_reasons({{Severity::blocks, ReasonSource::ivshmemd, "p", "text"},
                       {Severity::warns, ReasonSource::qemu, std::nullopt, "more"}});
    EXPECT_EQ(reasons, json::parse(R"([
        {"severity": "blocks", "source": "ivshmemd", "device": "p", "text": "text"},
        {"severity": "warns", "source": "qemu", "text": "more"}])"));
}

}  // namespace
}  // namespace ivshmemd::api
