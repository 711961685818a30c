#include "daemon/relay/server_memory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/region/reservation.h"
#include "tests/daemon/relay/server_connection_fixture.h"

namespace ivshmemd::test {
namespace {

/// A server whose memory has this size, as far as is known, and these seals.
ServerConnection server_with(std::uint64_t size, int seals = 0) {
    ServerConnection server;
    server.memory = UniqueFd(::dup(shared_memory(server_memory, seals).get()));
    server.size = size;
    return server;
}

std::uint64_t reserved_of(const ServerConnection& server) {
    struct stat status {};
    return ::fstat(server.memory.get(), &status) == 0 ? reserved_bytes(status) : 0;
}

TEST(ReserveServersMemory, MakesAllOfItBeThereWhereItsSizeIsSealed) {
    const ServerConnection server = server_with(server_memory, F_SEAL_GROW | F_SEAL_SHRINK);
    ASSERT_EQ(::pwrite(server.memory.get(), "kept", 4, 4096), 4);
    EXPECT_EQ(reserve_memory(server, 0), "");
    EXPECT_EQ(reserved_of(server), server_memory);
    char bytes[4]{};
    ASSERT_EQ(::pread(server.memory.get(), bytes, sizeof bytes, 4096), 4);
    EXPECT_EQ(std::string(bytes, sizeof bytes), "kept");
    EXPECT_EQ(reserve_memory(server, 100), "") << "there is nothing more to take";
}

TEST(ReserveServersMemory, IsRefusedByTheKernelsWord) {
    const ServerConnection server = server_with(2 * server_memory, F_SEAL_GROW);
    EXPECT_EQ(reserve_memory(server, 0),
              "its memory cannot be reserved: Operation not permitted; free some, or have the "
              "server share less");
}

TEST(ReserveServersMemory, TakesNothingThatIsToStayFree) {
    const ServerConnection server = server_with(server_memory);
    EXPECT_THAT(reserve_memory(server, 100),
                testing::AllOf(testing::StartsWith("its memory needs 1M more, and the host's"),
                               testing::EndsWith("; free some, or have the server share less")));
    EXPECT_EQ(reserved_of(server), 0u);
}

// QEMU aborts where the size is no power of two.
TEST(ReserveServersMemory, FindsASizeThatHasChanged) {
    const ServerConnection server = server_with(server_memory);
    ASSERT_EQ(::ftruncate(server.memory.get(), 3 * server_memory), 0);
    EXPECT_THAT(reserve_memory(server, 0), testing::HasSubstr("changes its size"));
}

}  // namespace
}  // namespace ivshmemd::test
