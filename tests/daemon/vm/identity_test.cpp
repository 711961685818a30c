#include "daemon/vm/identity.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

/// The name this program was started by: the only text its command line is sure to have.
std::string own_name() {
    std::ifstream file("/proc/self/cmdline");
    std::string name;
    std::getline(file, name, '\0');
    return name;
}

TEST(Identity, BelievesAPidWhoseCommandLineNamesTheSocket) {
    const auto [client, server] = socket_pair();
    const Identity identity = identify(client.get(), own_name());
    EXPECT_EQ(identity.pid, ::getpid());
    EXPECT_EQ(identity.user, ::geteuid());
    EXPECT_FALSE(identity.command_line.empty());
}

TEST(Identity, BelievesNoOther) {
    const auto [client, server] = socket_pair();
    for (const std::string& path : {own_name() + "x", own_name().substr(0, 3)}) {
        const Identity identity = identify(client.get(), path);
        EXPECT_EQ(identity.pid, std::nullopt) << path;
        EXPECT_TRUE(identity.command_line.empty());
        EXPECT_EQ(identity.user, ::geteuid()) << "who listens is known all the same";
    }
}

TEST(Identity, TellsAProcessThatHasEndedAndOneThatTookItsPid) {
    const auto [client, server] = socket_pair();
    Identity identity = identify(client.get(), own_name());
    ASSERT_TRUE(identity.started);
    EXPECT_FALSE(has_ended(identity));
    *identity.started += 1;
    EXPECT_TRUE(has_ended(identity)) << "the pid is another process's";
    identity.started.reset();
    EXPECT_FALSE(has_ended(identity)) << "where /proc does not say, a pid is what it was";
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    identity.pid = child;
    EXPECT_TRUE(has_ended(identity));
}

TEST(Identity, TellsOneBindingOfASocketFromTheNext) {
    TempDir directory;
    const std::string path = directory / "a.qmp";
    EXPECT_EQ(socket_binding(path), "");
    const FileDescriptor first = bind_unix(path, SOCK_STREAM);
    const std::string binding = socket_binding(path);
    EXPECT_NE(binding, "");
    EXPECT_EQ(socket_binding(path), binding);
    std::filesystem::rename(path, directory / "old.qmp");
    const FileDescriptor second = bind_unix(path, SOCK_STREAM);
    EXPECT_NE(socket_binding(path), binding);
}

TEST(Identity, AllowsLoadingModulesWhileTheExecutableIsOnDisk) {
    Identity identity;
    EXPECT_FALSE(modules_unchanged(identity, "/nonexistent")) << "nothing is known";
    identity.pid = ::getpid();
    identity.command_line = {"qemu-system-x86_64"};
    EXPECT_TRUE(modules_unchanged(identity, "/nonexistent"));
    identity.bridge = "ivshmemd-libvirt";
    EXPECT_FALSE(modules_unchanged(identity, "/nonexistent"));
}

// Not strings: g++ 12 has a false alarm on long lists of those when it optimises.
using Arguments = std::vector<const char*>;

Identity started_with(const Arguments& arguments) {
    Identity identity;
    identity.command_line.emplace_back("qemu-system-x86_64");
    for (const char* each : arguments) identity.command_line.emplace_back(each);
    return identity;
}

bool only_migratable(const Arguments& arguments) {
    return is_only_migratable(started_with(arguments));
}

TEST(Identity, FindsOnlyMigratableInEverySpellingOfQemu) {
    for (const Arguments& arguments : std::vector<Arguments>{
             {"-only-migratable"},
             {"--only-migratable"},
             {"-m", "64M", "-only-migratable", "-nographic"},
             {"-global", "migration.only-migratable=on"},
             {"--global", "migration.only-migratable=on"},
             {"-global", "migration.only-migratable=true"},
             {"-global", "migration.only-migratable=yes"},
             {"-global", "migration.only-migratable=y"},
             {"-global", "migration.only-migratable=ON"},
             {"-global", "driver=migration,property=only-migratable,value=on"},
             {"--global", "value=true,property=only-migratable,driver=migration"},
             {"-global", "migration.only-migratable=off", "-global",
              "migration.only-migratable=on"},
             {"-global", "migration.only-migratable=off", "-only-migratable"},
             {"-only-migratable", "-global", "migration.send-configuration=off"},
         }) {
        EXPECT_TRUE(only_migratable(arguments)) << testing::PrintToString(arguments);
    }
}

TEST(Identity, FindsItNowhereElse) {
    for (const Arguments& arguments : std::vector<Arguments>{
             {},
             {"-name", "x-only-migratable"},
             {"-global"},
             {"migration.only-migratable=on"},
             {"-name", "migration.only-migratable=on"},
             {"-global", ""},
             {"-global", "migration.only-migratable"},
             {"-global", "migration.only-migratable="},
             {"-global", "migration.only-migratable=off"},
             {"-global", "migration.only-migratable=false"},
             {"-global", "migration.only-migratable=no"},
             {"-global", "xmigration.only-migratable=on"},
             {"-global", "migration.xonly-migratable=on"},
             {"-global", "migration.x-only-migratable=on"},
             {"-global", "driver=migration,property=only-migratable,value=off"},
             {"-global", "driver=migration,property=only-migratable"},
             {"-global", "driver=migration,,x,property=only-migratable,value=on"},
             {"-global", "driver=other,property=only-migratable,value=on"},
             {"-only-migratable", "-global", "migration.only-migratable=off"},
             {"-global", "migration.only-migratable=on", "--global",
              "driver=migration,property=only-migratable,value=no"},
         }) {
        EXPECT_FALSE(only_migratable(arguments)) << testing::PrintToString(arguments);
    }
}

TEST(Identity, FindsThatTheKernelDeliversNoInterrupts) {
    for (const Arguments& arguments : std::vector<Arguments>{
             {"-machine", "q35,kernel-irqchip=off"},
             {"-machine", "q35,kernel_irqchip=off"},
             {"--machine", "type=q35,accel=kvm,kernel-irqchip=off,usb=off"},
             {"-M", "kernel-irqchip=off"},
             {"-machine", "q35", "-machine", "kernel-irqchip=off"},
             {"-machine", "kernel-irqchip=on", "-M", "kernel_irqchip=off"},
             {"-machine", "kernel-irqchip=off", "-machine", "q35"},
             {"-machine", "q35,kernel-irqchip=split,kernel_irqchip=off"},
             {"-machine", "q35,nokernel_irqchip"},
             {"-no-kvm-irqchip"},
             {"-accel", "kvm,kernel-irqchip=off"},
             {"--accel", "kvm,kernel_irqchip=off"},
             {"-accel", "accel=kvm,kernel-irqchip=off"},
             {"-accel", "kvm,kernel-irqchip=off", "-accel", "tcg"},
             {"-accel", "kvm,kernel-irqchip=off", "-accel", "kvm,kernel-irqchip=on"},
             {"-accel", "kvm,kernel-irqchip=off", "-machine", "q35,kernel-irqchip=on"},
             {"-accel", "kvm", "-machine", "q35,kernel-irqchip=off"},
         }) {
        EXPECT_TRUE(is_without_kernel_irqchip(started_with(arguments)))
            << testing::PrintToString(arguments);
    }
}

TEST(Identity, TakesTheKernelForTheOneThatDeliversInterruptsElse) {
    EXPECT_FALSE(is_without_kernel_irqchip({})) << "nothing is known";
    for (const Arguments& arguments : std::vector<Arguments>{
             {},
             {"-machine"},
             {"-accel"},
             {"-machine", ""},
             {"-accel", ""},
             {"-machine", "q35,accel=kvm"},
             {"-machine", "q35,kernel-irqchip=on"},
             {"-machine", "q35,kernel-irqchip=split"},
             {"-machine", "q35,kernel_irqchip=split"},
             {"-machine", "q35,kernel-irqchip"},
             {"-machine", "q35,xkernel-irqchip=off"},
             {"-machine", "q35,memory-backend=m,,kernel-irqchip=off"},
             {"-machine", "kernel-irqchip=off", "-machine", "kernel-irqchip=on"},
             {"-accel", "kvm,kernel-irqchip=split"},
             {"-accel", "tcg,kernel-irqchip=off"},
             {"-accel", "kvm,kernel-irqchip=on", "-machine", "q35,kernel-irqchip=off"},
             {"-name", "kernel-irqchip=off"},
             {"kernel-irqchip=off"},
         }) {
        EXPECT_FALSE(is_without_kernel_irqchip(started_with(arguments)))
            << testing::PrintToString(arguments);
    }
}

}  // namespace
}  // namespace ivshmemd::test
