#include <fcntl.h>
#include <gmock/gmock.h>

#include <future>
#include <nlohmann/json.hpp>

#include "daemon/transaction/transaction.h"
#include "tests/daemon/attach/server_fixture.h"

// Memory of a server that only has a size: a touch of what is not there kills a VM where none is
// left.

namespace ivshmemd::test {
namespace {

class ServersMemory : public ServerFixture {
  protected:
    /// Why the server is refused; QEMU has not heard of it then.
    std::string refusal() {
        const Result<Attached> attached = attach_now(wanted());
        if (attached) return "it is not";
        EXPECT_EQ(attached.error().kind, ErrorKind::server_unusable);
        EXPECT_EQ(pc_.count("getfd") + pc_.count("device_add"), 0u);
        EXPECT_TRUE(host_.relays.devices("a").empty());
        return detail(attached.error(), "reason");
    }

    Result<TransactionResult> transact(TransactionWishes wishes) {
        std::vector<VmPlan> plans{{"a", {wanted()}, {}}};
        const auto ignore = [](const TransactionStep&) {};
        return finish(loop_.start(run_transaction(host_, std::move(plans), wishes, ignore)));
    }
};

TEST_F(ServersMemory, IsReservedBeforeQemuMapsIt) {
    const ScriptedServer server(path(), good());
    std::atomic<std::uint64_t> by_then = 0;
    pc_.on("device_add", [&](const json& arguments) {
        by_then = reserved(memory_);
        return pc_.real("device_add", arguments);
    });
    start();
    const Result<Attached> attached = attach_now(wanted());
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(by_then, mebibyte);
}

TEST_F(ServersMemory, IsReservedOfAServerThatIsMetAnew) {
    std::vector<FileDescriptor> memories;
    for (int i = 0; i < 2; ++i) memories.push_back(shared_memory(mebibyte));
    const ScriptedServer server(path(), [&](int client) {
        const int id = next_id_++;
        send_handshake(client, id, memories.at(static_cast<std::size_t>(id)).get());
        send_vectors(client, id, 2);
        wait_closed(client);
    });
    start();
    pc_.put_backend("theirs.mem", {"/dev/shm/y", mebibyte, true});
    pc_.put_device("theirs", {.slot = 30, .backend = "theirs.mem"});
    const Result<Attached> attached = attach_now(wanted());
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(next_id_, 2) << "the first slot was taken";
    EXPECT_EQ(reserved(memories[1]), mebibyte);
}

TEST_F(ServersMemory, IsRefusedWhereTooLittleWouldStayFree) {
    const ScriptedServer server(path(), good());
    host_.config.reserve_percent = 100;
    start();
    EXPECT_THAT(refusal(), testing::StartsWith("its memory needs 1M more, and the host's memory"));
    EXPECT_EQ(reserved(memory_), 0u);
    ASSERT_EQ(::fallocate(memory_.get(), 0, 0, mebibyte), 0);
    EXPECT_TRUE(attach_now(wanted())) << "nothing is missing";
}

TEST_F(ServersMemory, IsRefusedWhileItIsNotReserved) {
    const ScriptedServer server(path(), good());
    host_.deadlines.reserved = Milliseconds(50);
    start();
    std::promise<void> may_end;
    const auto before = loop_.start(host_.worker.run([end = may_end.get_future().share()] {
        end.wait_for(std::chrono::seconds(20));
        return 0;
    }));
    EXPECT_EQ(refusal(), "its 1M are not all reserved yet, which goes on; try again later");
    may_end.set_value();
    ASSERT_TRUE(loop_.run_until([&] { return !host_.worker.busy(); }));
    EXPECT_EQ(reserved(memory_), mebibyte);
    host_.deadlines.reserved = Deadlines().reserved;
    EXPECT_TRUE(attach_now(wanted()));
}

TEST_F(ServersMemory, IsLeftAloneByTheCheckOfATransaction) {
    const ScriptedServer server(path(), good());
    start();
    TransactionWishes wishes;
    wishes.dry_run = true;
    const Result<TransactionResult> dry = transact(wishes);
    ASSERT_TRUE(dry) << dry.error().message;
    EXPECT_EQ(reserved(memory_), 0u);
    const Result<TransactionResult> done = transact({});
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(reserved(memory_), mebibyte);
}

}  // namespace
}  // namespace ivshmemd::test
