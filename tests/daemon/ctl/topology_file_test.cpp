#include "daemon/ctl/topology_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proto/json.h"

namespace ivshmemd::ctl::test {
namespace {

using testing::HasSubstr;

constexpr const char* text = R"(# shared
[[region]]
name = "frames"
size = "64M"

[[device]]
name = "frames"
vms = [
    "web",
    "db",
]
slot = 3
readonly = true
)";

TEST(TopologyFile, IsToml) {
    const Result<TopologyFile> file = parse_topology(text, "t.toml");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(*file->topology, json::parse(R"({"region":[{"name":"frames","size":"64M"}],
        "device":[{"name":"frames","vms":["web","db"],"slot":3,"readonly":true}]})"));
}

TEST(TopologyFile, KnowsTheLineOfWhatAPointerNames) {
    const Result<TopologyFile> file = parse_topology(text, "t.toml");
    ASSERT_TRUE(file);
    EXPECT_EQ(file->line_of("/region/0/size"), "4");
    EXPECT_EQ(file->line_of("/device/0"), "6");
    EXPECT_EQ(file->line_of("/device/0/vms"), "8");
    EXPECT_EQ(file->line_of("/device/0/vms/1"), "10");
    EXPECT_EQ(file->line_of("/device/0/size"), "6") << "the table that lacks it";
    EXPECT_EQ(file->line_of("/doorbell/0"), "");
    EXPECT_EQ(file->line_of(""), "");
}

TEST(TopologyFile, IsJsonAsWell) {
    const Result<TopologyFile> file = parse_topology(" \n{\"device\": []}", "t.json");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(*file->topology, json({{"device", json::array()}}));
    EXPECT_EQ(file->line_of("/device"), "");
}

TEST(TopologyFile, SaysWhereItCannotBeRead) {
    const Result<TopologyFile> toml = parse_topology("[[device]]\nname = \n", "t.toml");
    ASSERT_FALSE(toml);
    EXPECT_THAT(toml.error().message, HasSubstr("t.toml:2: "));
    const Result<TopologyFile> twice = parse_topology(R"({"device":[],"device":[]})", "t.json");
    ASSERT_FALSE(twice);
    EXPECT_THAT(twice.error().message, HasSubstr("t.json: "));
    const Result<TopologyFile> nowhere = read_topology_file("/nonexistent/t.toml");
    ASSERT_FALSE(nowhere);
    EXPECT_THAT(nowhere.error().message, HasSubstr("No such file"));
}

TEST(TopologyFile, LeavesItToTheDaemonWhatAValueMustBe) {
    const Result<TopologyFile> file = parse_topology("a = 1.5\nb = 2026-01-01\nc = {d = 1}", "t");
    ASSERT_TRUE(file);
    EXPECT_EQ((*file->topology)["a"], 1.5);
    EXPECT_TRUE((*file->topology)["b"].is_object());
    EXPECT_EQ((*file->topology)["c"]["d"], 1);
}

TEST(TopologyFile, IsWrittenAsItIsRead) {
    const json topology = json::parse(R"({"region":[{"name":"frames","size":"64M"}],
        "doorbell":[{"name":"bell","server":"/run/\"s\""}],
        "device":[{"name":"frames","vms":["web","db"],"role":"peer"},
                  {"name":"bell","vms":["web"],"doorbell":"bell","msi":false,"numa":1}]})");
    const std::string written = topology_as_toml(topology);
    EXPECT_THAT(written, testing::StartsWith("[[region]]\nname = "));
    const Result<TopologyFile> read = parse_topology(written, "t");
    ASSERT_TRUE(read) << written;
    EXPECT_EQ(*read->topology, topology) << written;
}

}  // namespace
}  // namespace ivshmemd::ctl::test
