#include "daemon/config/devices.h"

#include <gtest/gtest.h>

#include <fstream>

#include "daemon/config/file.h"
#include "tests/support/temp_dir.h"

// The tables [[vm.device]].

namespace ivshmemd::test {
namespace {

/// A VM with one device whose table has these lines.
std::string with_device(const std::string& lines) {
    return "[[vm]]\nname = \"a\"\nqmp = \"/a.qmp\"\n[[vm.device]]\n" + lines;
}

Result<Config> read(const std::string& text) {
    Config config;
    const Result<void> done = read_config_text(text, config);
    if (!done) return done.error();
    return config;
}

std::string refusal(const std::string& text) {
    const Result<Config> config = read(text);
    return config ? "accepted" : config.error().message;
}

TEST(ConfigDevices, TakeEveryKeyOfARegion) {
    const Result<Config> config = read(with_device(R"(
name = "x"
size = "16M"
model = "ivshmem-plain"
role = "master"
region = "shared"
bus = "rp0"
slot = 0
)"));
    ASSERT_TRUE(config) << config.error().message;
    DeviceRequest expected;
    expected.name = "x";
    expected.size = 16 << 20;
    expected.model = Model::plain;
    expected.role = Role::master;
    expected.region = "shared";
    expected.bus = "rp0";
    expected.slot = 0;
    EXPECT_EQ(config->declarations, (Declarations{{"a", {expected}}}));
}

TEST(ConfigDevices, TakeEveryKeyOfAServer) {
    const Result<Config> config = read(with_device(R"(
name = "bell"
model = "ivshmem"
server = "/run/bell.sock"
vectors = 4
msi = true
ioeventfd = false
)"));
    ASSERT_TRUE(config) << config.error().message;
    DeviceRequest expected;
    expected.name = "bell";
    expected.model = Model::legacy;
    expected.server = "/run/bell.sock";
    expected.vectors = 4;
    expected.msi = true;
    expected.ioeventfd = false;
    EXPECT_EQ(config->declarations, (Declarations{{"a", {expected}}}));
}

TEST(ConfigDevices, BelongToTheTableBeforeThem) {
    const Result<Config> config = read(with_device("name = \"x\"\n[[vm.device]]\nname = \"y\"\n") +
                                       "[[vm]]\nname = \"b\"\nqmp = \"/b.qmp\"\n"
                                       "[[vm.device]]\nname = \"x\"\n");
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_EQ(config->declarations.at("a").size(), 2u);
    EXPECT_EQ(config->declarations.at("a")[1].name, "y");
    EXPECT_EQ(config->declarations.at("b").size(), 1u);
}

TEST(ConfigDevices, GoByTheLimitOfTheSameFile) {
    const std::string device = with_device("name = \"x\"\nsize = \"8G\"\n");
    EXPECT_NE(refusal(device).find("at line 4"), std::string::npos) << refusal(device);
    EXPECT_EQ(refusal(device + "[limits]\nregion_size = \"8G\"\n"), "accepted");
}

TEST(ConfigDevices, GoWithTheTableThatTheCommandLineReplaces) {
    const TempDir directory;
    const std::string file = directory / "c.toml";
    std::ofstream(file) << with_device("name = \"x\"\n");
    const auto declared = [&](const char* vm) {
        const std::array argv{"ivshmemd", "--config", file.c_str(), "--vm", vm};
        const Result<Config> config = read_config(argv.size(), argv.data());
        return config ? config->declarations.size() : 99;
    };
    EXPECT_EQ(declared("b=/b.qmp"), 1u);
    EXPECT_EQ(declared("a=/elsewhere.qmp"), 0u);
}

struct BadDevice {
    const char* lines;    // of its table, whose heading is line 4
    const char* message;  // is part of what is said
};

void PrintTo(const BadDevice& device, std::ostream* out) {
    *out << device.lines;
}

class ConfigDeviceFault : public ::testing::TestWithParam<BadDevice> {};

TEST_P(ConfigDeviceFault, IsRefusedWithItsKeyAndLine) {
    const Result<Config> config = read(with_device(GetParam().lines));
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().kind, ErrorKind::invalid_parameter);
    EXPECT_NE(config.error().message.find(GetParam().message), std::string::npos)
        << config.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigDeviceFault,
    ::testing::Values(
        BadDevice{"name = \"x\"\nbogus = 1", "vm.device.bogus: unknown key at line 6"},
        BadDevice{"name = \"x\"\ndry_run = true", "vm.device.dry_run: unknown key at line 6"},
        BadDevice{"size = \"1M\"", "vm.device.name: "},
        BadDevice{"name = 5", "vm.device.name: expected a text at line 5"},
        BadDevice{"name = \"\"", "vm.device.name: expected a text at line 5"},
        BadDevice{"name = \"a/b\"", "vm.device.name: "},
        BadDevice{"name = \"x\"\nregion = \"../x\"", "at line "},
        BadDevice{"name = \"x\"\nsize = 4096", "vm.device.size: expected a size such as"},
        BadDevice{"name = \"x\"\nsize = \"3K\"", "vm.device.size: size 3K is not a power"},
        BadDevice{"name = \"x\"\nsize = \"8G\"", "x of VM a: "},
        BadDevice{"name = \"x\"\nsize = \"12X\"", "vm.device.size: size '12X' has none"},
        BadDevice{"name = \"x\"\nmodel = \"ivshmem-flat\"", "vm.device.model: unknown model"},
        BadDevice{"name = \"x\"\nrole = \"auto\"", "vm.device.role: "},
        BadDevice{"name = \"x\"\nrole = \"owner\"", "vm.device.role: "},
        BadDevice{"name = \"x\"\nserver = \"relative\"", "vm.device.server: a server is named by"},
        BadDevice{"name = \"x\"\nvectors = \"2\"", "vm.device.vectors: expected a number"},
        BadDevice{"name = \"x\"\nvectors = 0", "vm.device.vectors: "},
        BadDevice{"name = \"x\"\nvectors = 2", "x of VM a: "},
        BadDevice{"name = \"x\"\nmsi = \"on\"", "vm.device.msi: expected true or false"},
        BadDevice{"name = \"x\"\nioeventfd = 1", "vm.device.ioeventfd: expected true or false"},
        BadDevice{"name = \"x\"\nslot = 32", "vm.device.slot: slots are 0 to 31 at line 6"},
        BadDevice{"name = \"x\"\nslot = 1.0", "vm.device.slot: expected a number"},
        BadDevice{"name = \"x\"\n[[vm.device]]\nname = \"x\"",
                  "two devices of VM a are named x at line 6"},
        BadDevice{"name = \"x\"\nrole = \"master\"\nregion = \"r\"\n[[vm]]\nname = \"b\"\n"
                  "qmp = \"/b\"\n[[vm.device]]\nname = \"r\"\nrole = \"master\"",
                  "r of VM b: region r has a master already: a/x at line 11"}));

TEST(ConfigDevices, AreTables) {
    const std::string vm = "[[vm]]\nname = \"a\"\nqmp = \"/a.qmp\"\n";
    EXPECT_NE(refusal(vm + "device = 5\n").find("expected [[vm.device]] tables at line 4"),
              std::string::npos);
    EXPECT_NE(refusal(vm + "device = [5]\n").find("[[vm.device]]"), std::string::npos);
    EXPECT_NE(refusal(vm + "[vm.device]\nname = \"x\"\n").find("[[vm.device]]"), std::string::npos);
    EXPECT_NE(refusal("[[device]]\nname = \"x\"\n").find("device: unknown key at line 1"),
              std::string::npos);
}

}  // namespace
}  // namespace ivshmemd::test
