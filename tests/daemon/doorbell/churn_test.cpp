#include <gtest/gtest.h>

#include "tests/support/doorbell_peer.h"
#include "tests/support/doorbell_server.h"
#include "tests/support/qemu_vm.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

/// Connects and disconnects so often: whole handshakes, half ones, and none.
void churn(const DoorbellServer& server, int times) {
    for (int i = 0; i < times; ++i) {
        switch (i % 4) {
            case 0: {
                DoorbellPeer peer(server.socket());
                if (!peer.wait_vectors(peer.id(), 2)) throw std::runtime_error("no vectors");
                break;
            }
            case 1:
            case 2:
                DoorbellPeer(server.socket());
                break;
            case 3:
                connect_unix(server.socket(), soon());
                break;
        }
    }
}

bool is_alone(const DoorbellServer& server) {
    DoorbellPeer probe(server.socket());
    return probe.wait_vectors(probe.id(), 2) && probe.known().size() == 1;
}

TEST(DoorbellChurn, LeavesNeitherDescriptorsNorMemoryBehind) {
    const DoorbellServer server({"--vectors", "2", "--log-level", "off"});
    const auto settled_files = [&] {
        EXPECT_TRUE(eventually(soon(), [&] { return is_alone(server); }));
        size_t files = 0;
        // The last probe's own place is freed after it has gone.
        eventually(Deadline::after(std::chrono::seconds(1)), [&] {
            const size_t before = files;
            files = server.open_files();
            return files == before;
        });
        return files;
    };
    churn(server, 1000);  // whatever is allocated once is now
    const size_t files = settled_files();
    const size_t resident = server.resident_kib();
    churn(server, 9000);
    EXPECT_EQ(settled_files(), files);
    EXPECT_LT(server.resident_kib(), resident + 2048);
    RecordProperty("resident_kib", static_cast<int>(server.resident_kib()));
}

TEST(DoorbellChurn, LeavesNothingBehindForPeersThatDoNotRead) {
    const DoorbellServer server({"--vectors", "2", "--log-level", "off", "--patience", "1000"});
    const DoorbellPeer stalled(server.socket());
    churn(server, 1000);
    ASSERT_TRUE(eventually(soon(), [&] {
        DoorbellPeer probe(server.socket());
        return probe.wait_vectors(probe.id(), 2) && probe.known().size() == 2;
    }));
    const size_t files = server.open_files();
    const size_t resident = server.resident_kib();
    churn(server, 2000);
    EXPECT_TRUE(eventually(soon(), [&] { return server.open_files() <= files; }))
        << server.open_files() << " instead of " << files;
    EXPECT_LT(server.resident_kib(), resident + 1024);
}

}  // namespace
}  // namespace ivshmemd::test
