#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/root.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

namespace fs = std::filesystem;

struct DoorbellProgram : ::testing::Test {
    RunResult run_program(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), DoorbellServer::program());
        return run(Command{arguments});
    }

    /// Runs it where it is expected to fail.
    RunResult fail_with(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"--socket", socket_, "--region", region_});
        return run_program(arguments);
    }

    TempDir dir_ = TempDir::shared_memory();
    std::string socket_ = dir_ / "doorbell.sock";
    std::string region_ = dir_ / "region";
};

mode_t mode_of(const fs::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

TEST_F(DoorbellProgram, ExplainsItself) {
    const RunResult help = run_program({"--help"});
    EXPECT_EQ(help.exit_code, 0);
    for (const char* text :
         {"--socket PATH", "--region FILE", "--size SIZE", "--vectors N", "--peers N",
          "--mode MODE", "--group GROUP", "keep ringing each other", "Exit status"}) {
        EXPECT_NE(help.out.find(text), std::string::npos) << text;
    }
    const RunResult version = run_program({"--version"});
    EXPECT_EQ(version.exit_code, 0);
    EXPECT_EQ(version.out, "ivshmem-doorbell " IVSHMEMD_VERSION "\n");
}

TEST_F(DoorbellProgram, RefusesAWrongCommandLine) {
    const struct {
        std::vector<std::string> arguments;
        std::string message;
    } table[] = {
        {{"--nonsense"}, "--nonsense"},
        {{"--size", "64X"}, "--size: size '64X' has none of the suffixes"},
        {{"--size", "3MiB"}, "--size: size 3MiB is not a power of two"},
        {{"--size", "1M", "--vectors", "0"}, "--vectors takes 1 to 64"},
        {{"--size", "1M", "--vectors", "65"}, "--vectors takes 1 to 64"},
        {{"--size", "1M", "--vectors", "-1"}, "--vectors"},
        {{"--size", "1M", "--max-vectors", "4096"}, "--max-vectors takes 1 to 2048"},
        {{"--size", "1M", "--peers", "0"}, "--peers takes 1 to 65536"},
        {{"--size", "1M", "--peers", "65537"}, "--peers takes 1 to 65536"},
        {{"--size", "1M", "--mode", "0999"}, "--mode takes octal digits"},
        {{"--size", "1M", "--mode", "4755"}, "--mode takes octal digits"},
        {{"--size", "1M", "--group", "no such group"}, "--group: there is no group"},
        {{"--size", "1M", "--patience", "0"}, "--patience takes"},
        {{"--size", "1M", "--patience", "nan"}, "--patience takes"},
        {{"--size", "1M", "--log-level", "loud"}, "unknown log level"},
    };
    for (const auto& row : table) {
        const RunResult result = fail_with(row.arguments);
        EXPECT_EQ(result.exit_code, 2) << row.message;
        EXPECT_NE(result.err.find(row.message), std::string::npos) << result.err;
    }
    EXPECT_EQ(run_program({"--size", "1M"}).exit_code, 2) << "no socket at all";
    EXPECT_EQ(run_program({"--socket", socket_}).exit_code, 2) << "no size at all";
    EXPECT_FALSE(fs::exists(region_));
    EXPECT_FALSE(fs::exists(socket_));
}

TEST_F(DoorbellProgram, NamesWhatIsWrongWithTheRegion) {
    EXPECT_EQ(fail_with({}).exit_code, 1) << "no region and no size";
    std::ofstream(region_) << "short";
    const RunResult result = fail_with({"--size", "1M"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.err.find("has 5, not the requested 1M"), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(socket_)) << "nobody could connect to a server without memory";
}

TEST_F(DoorbellProgram, ServesARegionFile) {
    const DoorbellServer server({"--region", region_, "--size", "64K"});
    const DoorbellPeer peer(server.socket());
    std::ofstream(region_, std::ios::in | std::ios::out) << "by name";
    char text[8] = "";
    ASSERT_EQ(::pread(peer.memory(), text, 7, 0), 7);
    EXPECT_STREQ(text, "by name");
    EXPECT_EQ(mode_of(region_), 0660U);
}

TEST_F(DoorbellProgram, SetsModeAndGroupOfItsSocket) {
    const DoorbellServer plain;
    EXPECT_EQ(mode_of(plain.socket()), 0660U);
    const std::string own_group = std::to_string(::getegid());
    const DoorbellServer open({"--mode", "0666", "--group", own_group});
    EXPECT_EQ(mode_of(open.socket()), 0666U);
    if (lacks_root("another group needs root")) return;
    const DoorbellServer other({"--group", "4242"});
    struct stat status {};
    ASSERT_EQ(::stat(other.socket().c_str(), &status), 0);
    EXPECT_EQ(status.st_gid, 4242U);
}

TEST_F(DoorbellProgram, ReplacesTheSocketOfADeadServerOnly) {
    DoorbellServer server;
    server.process().kill();
    ASSERT_TRUE(fs::exists(server.socket())) << "a dead server's";
    const auto serve = [&] {
        return Command{{DoorbellServer::program(), "--socket", server.socket(), "--size", "64K"}};
    };
    Child second(serve());
    EXPECT_EQ(DoorbellPeer(server.socket()).id(), 0);
    const RunResult third = run(serve());
    EXPECT_EQ(third.exit_code, 1);
    EXPECT_NE(third.err.find("another process serves it"), std::string::npos) << third.err;
    EXPECT_TRUE(second.alive());
    second.signal(SIGTERM);
    EXPECT_EQ(second.wait_exit(soon()), 0);
}

TEST_F(DoorbellProgram, NeverReplacesWhatIsNoSocket) {
    std::ofstream(socket_) << "precious";
    EXPECT_EQ(fail_with({"--size", "64K"}).exit_code, 1);
    EXPECT_EQ(fs::file_size(socket_), 8U);
}

TEST_F(DoorbellProgram, StopsCleanlyAndRemovesItsSocket) {
    for (const int signal : {SIGTERM, SIGINT}) {
        DoorbellServer server({"--region", region_, "--size", "64K"});
        const DoorbellPeer peer(server.socket());
        EXPECT_TRUE(server.notify().wait_line("STATUS=1 of 256 peers", soon()));
        server.process().signal(signal);
        EXPECT_EQ(server.process().wait_exit(soon()), 0);
        EXPECT_FALSE(fs::exists(server.socket()));
        EXPECT_TRUE(fs::exists(region_)) << "the memory is the peers' as well";
        EXPECT_TRUE(server.notify().wait_line("STOPPING=1", soon()));
    }
}

TEST_F(DoorbellProgram, LeavesTheSocketOfItsSuccessor) {
    DoorbellServer server;
    fs::remove(server.socket());
    const FileDescriptor successor = bind_unix(server.socket(), SOCK_STREAM);
    EXPECT_EQ(server.stop(), 0);
    EXPECT_TRUE(fs::exists(server.socket()));
}

TEST_F(DoorbellProgram, TakesTheSocketThatSystemdPasses) {
    Child server(Command{{"systemd-socket-activate", "--listen", socket_, DoorbellServer::program(),
                          "--size", "64K"}});
    DoorbellPeer peer(socket_);
    EXPECT_EQ(peer.id(), 0);
    ASSERT_TRUE(peer.wait_vectors(0, 1));
    server.signal(SIGTERM);
    EXPECT_EQ(server.wait_exit(soon()), 0);
    EXPECT_TRUE(fs::exists(socket_)) << "systemd's socket, not ours";
}

TEST_F(DoorbellProgram, RefusesToServeMorePeersThanItMayOpenFilesFor) {
    const RunResult result =
        run(Command{{"prlimit", "--nofile=100:100", DoorbellServer::program(), "--socket", socket_,
                     "--size", "64K", "--vectors", "4", "--peers", "20"}});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.err.find("20 peers with 4 vectors need 132 open files, and the limit is 100"),
              std::string::npos)
        << result.err;
}

TEST_F(DoorbellProgram, ServesAsManyPeersAsItsFilesAllow) {
    Child server(Command{{"prlimit", "--nofile=64:100", DoorbellServer::program(), "--socket",
                          socket_, "--size", "64K", "--vectors", "4"}});
    std::vector<DoorbellPeer> peers;
    for (int i = 0; i < 13; ++i) peers.emplace_back(socket_);  // (100 - 32) / 5
    for (DoorbellPeer& peer : peers) ASSERT_TRUE(peer.wait_vectors(12, 4));
    const FileDescriptor refused = connect_unix(socket_, soon());
    EXPECT_EQ(DoorbellPeer::read_message(refused.get(), soon())->number, -1);
}

}  // namespace
}  // namespace ivshmemd::test
