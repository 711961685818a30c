// The real program with the real doorbell server, and with bad ones.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/support/bad_servers.h"
#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/process.h"
#include "tests/support/qemu_vm.h"
#include "tests/support/temp_dir.h"

namespace ivshmemd::ctl::test {
namespace {

using ivshmemd::test::BadServerKind;
using ivshmemd::test::Child;
using ivshmemd::test::DoorbellPeer;
using ivshmemd::test::DoorbellServer;
using ivshmemd::test::eventually;
using ivshmemd::test::RunResult;
using ivshmemd::test::ScriptedServer;
using ivshmemd::test::soon;
using ivshmemd::test::TempDir;
using nlohmann::json;
using testing::HasSubstr;

std::vector<std::string> ring_line(const std::string& server, std::vector<std::string> words) {
    words.insert(words.begin(), {IVSHMEMD_BIN_DIR "/ivshmemctl", "ring", "--server", server});
    return words;
}

RunResult ring(const std::string& server, std::vector<std::string> words = {}) {
    return ivshmemd::test::run({ring_line(server, std::move(words))});
}

class CtlRing : public testing::Test {
  protected:
    CtlRing() {
        if (!peer_.wait_vectors(0, 2)) throw std::runtime_error("the server gives no vectors");
    }

    DoorbellServer server_{{"--vectors", "2"}};
    DoorbellPeer peer_{server_.socket()};  // with id 0
};

TEST_F(CtlRing, ListsPeersAndTheirVectors) {
    const RunResult listed = ring(server_.socket());
    EXPECT_EQ(listed.exit_code, 0) << listed.err;
    EXPECT_EQ(listed.out, "PEER  VECTORS\n0     2\n");
    const RunResult scripted = ring(server_.socket(), {"--json"});
    const json reply(json::parse(scripted.out));
    EXPECT_EQ(json(reply["peers"]), json::parse(R"([{"id":0,"vectors":2}])"));
    EXPECT_EQ(json(reply["vectors"]), json(2));
}

TEST_F(CtlRing, RingsOneVectorOfOnePeer) {
    const RunResult rung = ring(server_.socket(), {"0", "1"});
    EXPECT_EQ(rung.exit_code, 0) << rung.err;
    EXPECT_EQ(rung.out, "rang vector 1 of peer 0\n");
    EXPECT_TRUE(peer_.wait_ring(1));
    EXPECT_FALSE(peer_.wait_ring(0, ivshmemd::test::Deadline::after(std::chrono::milliseconds(0))));
    EXPECT_EQ(ring(server_.socket(), {"0"}).exit_code, 0);
    EXPECT_TRUE(peer_.wait_ring(0));
}

TEST_F(CtlRing, NamesWhatIsNotThere) {
    const RunResult peer = ring(server_.socket(), {"7", "0"});
    EXPECT_EQ(peer.exit_code, 2);
    EXPECT_EQ(peer.err, "ivshmemctl: the server has no peer 7\n");
    const RunResult vector = ring(server_.socket(), {"0", "2"});
    EXPECT_EQ(vector.exit_code, 2);
    EXPECT_EQ(vector.err, "ivshmemctl: peer 0 has no vector 2; it has 2, from 0 on\n");
    EXPECT_EQ(ring(server_.socket(), {"70000"}).exit_code, 2);
    EXPECT_EQ(ring(server_.socket(), {"0", "x"}).exit_code, 2);
}

TEST_F(CtlRing, WaitsForRingsUntilItIsInterrupted) {
    Child child({ring_line(server_.socket(), {"--wait", "--json"})});
    ASSERT_TRUE(child.wait_out("\"ready\":true", soon())) << child.err();
    ASSERT_TRUE(peer_.wait_vectors(1, 2));
    peer_.ring(1, 1);
    EXPECT_TRUE(child.wait_out("{\"times\":1,\"vector\":1}\n", soon())) << child.out();
    child.signal(SIGINT);
    EXPECT_EQ(child.wait_exit(soon()), 0);
    EXPECT_EQ(child.err(), "");
}

TEST_F(CtlRing, IsRungWhenTheServerHasEnded) {
    Child child({ring_line(server_.socket(), {"0", "1", "--wait"})});
    EXPECT_TRUE(peer_.wait_ring(1)) << "it rings first";
    ASSERT_TRUE(child.wait_out("waiting as peer 1 with 2 vectors", soon())) << child.err();
    ASSERT_TRUE(peer_.wait_vectors(1, 2));
    EXPECT_EQ(server_.stop(), 0);
    EXPECT_TRUE(eventually(
        soon(), [&] { return child.err().find("the server has ended") != std::string::npos; }));
    peer_.ring(1, 0);
    EXPECT_TRUE(child.wait_out("vector 0 was rung\n", soon())) << child.out();
    child.signal(SIGINT);
    EXPECT_EQ(child.wait_exit(soon()), 0);
}

// What is wrong with the memory is none of its business.
TEST(CtlRingServers, ThatAreBadNeitherHoldItUpNorBreakIt) {
    const TempDir directory;
    for (const BadServerKind& kind : ivshmemd::test::bad_servers()) {
        SCOPED_TRACE(kind.name);
        const ScriptedServer server(directory / "server", kind.script);
        const RunResult result = ring(directory / "server");
        EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 8) << result.exit_code;
        EXPECT_FALSE(result.timed_out);
    }
}

TEST(CtlRingServers, ThatSendNoEventfdsAreRefused) {
    const TempDir directory;
    const auto memory = ivshmemd::test::shared_memory(4096);
    const ScriptedServer server(directory / "server", [&](int client) {
        ivshmemd::test::send_handshake(client, 0, memory.get());
        ivshmemd::test::send_number(client, 0, memory.get());
        ivshmemd::test::wait_closed(client);
    });
    const RunResult result = ring(directory / "server", {"--wait"});
    EXPECT_EQ(result.exit_code, 8);
    EXPECT_THAT(result.err, HasSubstr("what it sends as a vector is no eventfd"));
    EXPECT_EQ(result.out, "");
}

TEST(CtlRingServers, ThatAreNotThereAreNamed) {
    const RunResult result = ring("/nonexistent/server");
    EXPECT_EQ(result.exit_code, 8);
    EXPECT_EQ(result.err,
              "ivshmemctl: doorbell server /nonexistent/server cannot be used: No such file or "
              "directory\n");
}

}  // namespace
}  // namespace ivshmemd::ctl::test
