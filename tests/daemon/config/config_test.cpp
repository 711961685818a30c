#include "daemon/config/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "daemon/config/file.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::test {
namespace {

/// A configuration read from these arguments, behind an empty file unless they name one.
Result<Config> read(std::vector<std::string> arguments) {
    const bool has_file =
        std::find(arguments.begin(), arguments.end(), "--config") != arguments.end();
    if (!has_file) arguments.insert(arguments.end(), {"--config", "/dev/null"});
    std::vector<const char*> argv{"ivshmemd"};
    for (const std::string& each : arguments) argv.push_back(each.c_str());
    return read_config(static_cast<int>(argv.size()), argv.data());
}

std::string message_of(const std::vector<std::string>& arguments) {
    const Result<Config> config = read(arguments);
    return config ? "accepted" : config.error().message;
}

TEST(Config, HasDefaults) {
    const Result<Config> config = read({});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->socket, "/run/ivshmemd/ivshmemd.sock");
    EXPECT_EQ(config->region_dir, "/dev/shm");
    EXPECT_EQ(config->state_dir, "/var/lib/ivshmemd");
    EXPECT_EQ(config->log_level, "info");
    EXPECT_TRUE(config->vms.empty());
    EXPECT_FALSE(config->check_only);
}

TEST(Config, TakesEveryOption) {
    const TempDir directory;
    const Result<Config> config =
        read({"--socket", "/run/s", "--vm", "a=/run/a.qmp", "--vm", "b=/run/x=y.qmp", "--vm-dir",
              directory.path(), "--vm-dir", "/run/", "--region-dir", "/dev/shm/r/", "--state-dir",
              "/var/lib/../s", "--log-level", "debug", "--check-config"});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->socket, "/run/s");
    EXPECT_EQ(config->vms,
              (std::vector<VmConfig>{{"a", "/run/a.qmp", {}}, {"b", "/run/x=y.qmp", {}}}));
    EXPECT_EQ(config->vm_dirs, (std::vector<std::string>{directory.path(), "/run"}));
    EXPECT_EQ(config->region_dir, "/dev/shm/r");
    EXPECT_EQ(config->state_dir, "/var/s");
    EXPECT_EQ(config->log_level, "debug");
    EXPECT_TRUE(config->check_only);
}

TEST(Config, MakesPathsAbsolute) {
    const Result<Config> config = read({"--socket", "s", "--vm", "a=a.qmp"});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->socket, std::filesystem::current_path() / "s");
    EXPECT_EQ(config->vms.at(0).qmp_socket, std::filesystem::current_path() / "a.qmp");
}

TEST(Config, RefusesTwoVmsOfOneNameAndTellsBothSockets) {
    for (const bool check_only : {false, true}) {
        std::vector<std::string> arguments{"--vm", "a=/one", "--vm", "b=/b", "--vm", "a=/two"};
        if (check_only) arguments.emplace_back("--check-config");
        EXPECT_EQ(message_of(arguments),
                  "--vm a is given twice, with /one and with /two; leave one out, or give one VM "
                  "another name");
    }
}

TEST(Config, TakesNoTransportForARelativePath) {
    for (const std::string socket : {"tcp:localhost:4444", "localhost:4444", "tcp://[::1]:4444",
                                     "telnet:host:1,server", "vsock:3:4", "fd:3"}) {
        const std::string message = message_of({"--vm", "t=" + socket, "--check-config"});
        EXPECT_NE(message.find("--vm t: " + socket + " is no path; only Unix sockets work"),
                  std::string::npos)
            << message;
    }
    EXPECT_EQ(message_of({"--vm", "t=unix:/run/t.qmp,server=on"}),
              "--vm t: write only the path of the Unix socket, as in --vm t=/run/t.qmp");
}

TEST(Config, TakesAPathWithAColon) {
    for (const std::string socket : {"/run/a:b.qmp", "./a:b.qmp", "vms/a:b.qmp", ":a"}) {
        EXPECT_EQ(message_of({"--vm", "t=" + socket}), "accepted") << socket;
    }
}

TEST(Config, RefusesWhatIsNoVm) {
    EXPECT_NE(message_of({"--vm", "a"}).find("NAME=QMP_SOCKET"), std::string::npos);
    EXPECT_NE(message_of({"--vm", "=/x"}).find("name"), std::string::npos);
    EXPECT_NE(message_of({"--vm", "a/b=/x"}).find("name"), std::string::npos);
    EXPECT_NE(message_of({"--vm", "a="}).find("no QMP socket"), std::string::npos);
}

TEST(Config, RefusesUnknownOptionsLogLevelsAndDirectories) {
    EXPECT_NE(message_of({"--bogus"}).find("--bogus"), std::string::npos);
    EXPECT_NE(message_of({"stray"}).find("stray"), std::string::npos);
    EXPECT_NE(message_of({"--log-level", "loud"}).find("loud"), std::string::npos);
    EXPECT_NE(message_of({"--vm-dir", "/nonexistent"}).find("/nonexistent"), std::string::npos);
    EXPECT_NE(message_of({"--config", "/nonexistent.toml"}).find("/nonexistent.toml"),
              std::string::npos);
}

TEST(Config, IsOverriddenByTheCommandLine) {
    const TempDir directory;
    const std::string file = directory / "c.toml";
    std::ofstream(file) << "[daemon]\nsocket = \"/file.sock\"\nlog_level = \"warn\"\n"
                           "[[vm]]\nname = \"a\"\nqmp = \"/file.qmp\"\nuser = \"root\"\n"
                           "[[vm]]\nname = \"b\"\nqmp = \"/b.qmp\"\n";
    const Result<Config> config =
        read({"--config", file, "--socket", "/line.sock", "--vm", "a=/line.qmp"});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->socket, "/line.sock");
    EXPECT_EQ(config->log_level, "warn");
    ASSERT_EQ(config->vms.size(), 2u);
    EXPECT_EQ(config->vms[0], (VmConfig{"b", "/b.qmp", {}}));
    EXPECT_EQ(config->vms[1], (VmConfig{"a", "/line.qmp", {}}));
}

TEST(Config, NamesTheFileThatIsWrong) {
    const TempDir directory;
    const std::string file = directory / "c.toml";
    std::ofstream(file) << "[daemon]\nbogus = 1\n";
    EXPECT_NE(message_of({"--config", file}).find(file), std::string::npos);
    EXPECT_NE(message_of({"--config", file}).find("bogus"), std::string::npos);
}

TEST(ConfigFile, TakesEveryKey) {
    Config config;
    const Result<void> read = read_config_text(R"(
[daemon]
socket = "/s"
group = "root"
state_dir = "/state"
log_level = "debug"
vm_dir = "/vms"
[region]
dir = "/regions"
group = "4242"
[limits]
region_size = "16M"
reserve_percent = 0
connections_per_user = 7
[[region_dir]]
name = "big"
path = "/huge"
[[region_device]]
name = "kvmfr0"
path = "/dev/kvmfr0"
size = "64M"
[trust]
users = ["root", "4343"]
[[vm]]
name = "a"
qmp = "/a.qmp"
[[vm]]
name = "b"
qmp = "/b.qmp"
user = "65534"
)",
                                               config);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(config.socket, "/s");
    EXPECT_EQ(config.socket_group, gid_t{0});
    EXPECT_EQ(config.state_dir, "/state");
    EXPECT_EQ(config.log_level, "debug");
    EXPECT_EQ(config.vm_dirs, (std::vector<std::string>{"/vms"}));
    EXPECT_EQ(config.region_dir, "/regions");
    EXPECT_EQ(config.region_group, gid_t{4242});
    EXPECT_EQ(config.region_size_limit, 16u << 20);
    EXPECT_EQ(config.reserve_percent, 0u);
    EXPECT_EQ(
        config.places(),
        (RegionPlaces{"/regions", {{"big", "/huge"}}, {{"kvmfr0", {"/dev/kvmfr0", 64 << 20}}}}));
    EXPECT_EQ(config.connections_per_user, 7u);
    EXPECT_EQ(config.trusted_users, (std::set<uid_t>{0, 4343}));
    EXPECT_EQ(config.vms,
              (std::vector<VmConfig>{{"a", "/a.qmp", {}}, {"b", "/b.qmp", uid_t{65534}}}));
}

TEST(ConfigFile, ShippedOneIsValidAsItStandsAndWithEveryKeyUncommented) {
    std::ifstream file(IVSHMEMD_SOURCE_DIR "/systemd/ivshmemd.toml");
    std::string shipped, uncommented;
    for (std::string line; std::getline(file, line);) {
        shipped += line + "\n";
        const bool is_key = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        uncommented += (is_key ? line.substr(1) : line) + "\n";
    }
    Config config;
    const Result<void> as_it_stands = read_config_text(shipped, config);
    EXPECT_TRUE(as_it_stands) << as_it_stands.error().message;
    EXPECT_TRUE(config.vms.empty());
    const Result<void> with_all = read_config_text(uncommented, config);
    ASSERT_TRUE(with_all) << with_all.error().message;
    EXPECT_EQ(config.vms.size(), 1U);
    EXPECT_EQ(config.region_size_limit, default_region_size_limit);
}

TEST(ConfigFile, NamesEachPlaceOfRegionsOnce) {
    for (const char* text : {"[[region_dir]]\npath = \"/x\"", "[[region_dir]]\nname = \"big\"",
                             "[[region_dir]]\nname = \"0\"\npath = \"/x\"",
                             "[[region_device]]\nname = \"a\"\npath = \"/x\"\nsize = \"3M\"",
                             "[[region_device]]\nname = \"a\"\npath = \"x\"",
                             "[[region_dir]]\nname = \"a\"\npath = \"/x\"\n"
                             "[[region_device]]\nname = \"a\"\npath = \"/y\"",
                             "[limits]\nreserve_percent = 91"}) {
        Config config;
        EXPECT_FALSE(read_config_text(text, config)) << text;
    }
}

TEST(ConfigFile, SaysOnceWhatIsWrongAndWhere) {
    Config config;
    const Result<void> read = read_config_text("[daemon]\nbogus = 1", config);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "configuration: daemon.bogus: unknown key at line 2");
    EXPECT_EQ(std::get<std::string>(read.error().details.at(0).second), "daemon.bogus");
}

struct BadFile {
    const char* text;
    const char* named;  // in the message
};

void PrintTo(const BadFile& file, std::ostream* out) {
    *out << '"' << file.text << '"';
}

class ConfigFileFault : public ::testing::TestWithParam<BadFile> {};

TEST_P(ConfigFileFault, IsRefusedByItsName) {
    Config config;
    const Result<void> read = read_config_text(GetParam().text, config);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::invalid_parameter);
    EXPECT_NE(read.error().message.find(GetParam().named), std::string::npos)
        << read.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigFileFault,
    ::testing::Values(
        BadFile{"bogus = 1", "bogus"}, BadFile{"[bogus]", "bogus"},
        BadFile{"[daemon]\nbogus = 1", "daemon.bogus"}, BadFile{"daemon = 5", "daemon"},
        BadFile{"[daemon]\nsocket = 5", "daemon.socket"},
        BadFile{"[daemon]\nsocket = \"\"", "daemon.socket"},
        BadFile{"[daemon]\nvm_dir = \"relative\"", "daemon.vm_dir"},
        BadFile{"[daemon]\nvm_dir = [\"/vms\", \"relative\"]", "daemon.vm_dir"},
        BadFile{"[daemon]\nvm_dir = [5]", "daemon.vm_dir"},
        BadFile{"[daemon]\ngroup = \"no-such-group\"", "daemon.group"},
        BadFile{"[limits]\nregion_size = 5", "limits.region_size"},
        BadFile{"[limits]\nregion_size = \"2K\"", "limits.region_size"},
        BadFile{"[limits]\nconnections_per_user = 0", "limits.connections_per_user"},
        BadFile{"[limits]\nconnections_per_user = \"5\"", "limits.connections_per_user"},
        BadFile{"[limits]\nconnections_per_user = 5.0", "limits.connections_per_user"},
        BadFile{"[trust]\nusers = \"root\"", "trust.users"},
        BadFile{"[trust]\nusers = [\"no-such-user\"]", "no-such-user"},
        BadFile{"[trust]\nusers = [0]", "trust.users"}, BadFile{"[vm]\nname = \"a\"", "vm"},
        BadFile{"[[vm]]\nname = \"a/b\"\nqmp = \"/x\"", "vm.name"},
        BadFile{"[[vm]]\nname = \"a\"", "vm.qmp"},
        BadFile{"[[vm]]\nname = \"a\"\nqmp = \"x\"", "vm.qmp"},
        BadFile{"[[vm]]\nname = \"a\"\nqmp = \"/x\"\nbogus = 1", "vm.bogus"},
        BadFile{"[[vm]]\nname = \"a\"\nqmp = \"/x\"\nuser = \"no-such-user\"", "vm.user"},
        BadFile{"[[vm]]\nname = \"a\"\nqmp = \"/x\"\n[[vm]]\nname = \"a\"\nqmp = \"/y\"", "a"},
        BadFile{"[daemon\n", "line 1"}, BadFile{"[daemon]\nsocket = \n", "line 2"}));

}  // namespace
}  // namespace ivshmemd::test
