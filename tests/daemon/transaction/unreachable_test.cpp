#include "tests/daemon/transaction/unfinished_fixture.h"
#include "tests/support/unix_socket.h"

// A change that fails while one of its VMs, which has got its device, cannot be asked for it back.

namespace ivshmemd::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class UnreachableChange : public UnfinishedChange {
  protected:
    /// "a" has got its device, and "b" has yet to refuse it.
    Running<TransactionResult> start_half() {
        other_.on("device_add",
                  [](const nlohmann::json&) { return FakeQemu::error("GenericError", "no"); });
        other_.hold("device_add");
        const auto running = start_run(attach_both(request("x")));
        EXPECT_TRUE(wait_device("x"));
        EXPECT_TRUE(loop_.run_until([this] { return other_.count("device_add") == 1; }));
        return running;
    }
    /// Another client takes the monitor of "a", and has it until it leaves.
    FileDescriptor take_monitor() {
        host_.deadlines.backoff_min = host_.deadlines.backoff_max = Milliseconds(60000);
        pc_.qemu().disconnect();
        EXPECT_TRUE(wait_state(VmState::unreachable));
        FileDescriptor holder = connect_unix(socket("a"), soon());
        EXPECT_TRUE(receive(holder.get(), soon()));
        vm()->link().hurry();
        EXPECT_TRUE(wait_state(VmState::busy));
        return holder;
    }
    void expect_on_record(const Result<TransactionResult>& done) {
        ASSERT_FALSE(done);
        EXPECT_THAT(leftovers(done.error()), Contains("a/x"));
        EXPECT_THAT(done.error().message, HasSubstr("can be asked: a/x"));
        const std::vector<ChangeRecord> records = on_disk();
        ASSERT_THAT(records, SizeIs(1)) << "there is nothing left of it in b";
        EXPECT_EQ(records[0].vm, "a");
        EXPECT_THAT(records[0].coming, ElementsAre("x"));
        EXPECT_THAT(host_.live_changes, IsEmpty());
    }
    void expect_undone() {
        ASSERT_TRUE(wait_forgotten());
        ASSERT_TRUE(loop_.run_until([this] { return !has("x") && !region_exists("x"); }));
        expect_untouched();
    }
};

TEST_F(UnreachableChange, IsUndoneWhenItsVmComesBack) {
    start_both();
    const auto running = start_half();
    std::optional<FileDescriptor> holder = take_monitor();
    other_.release();
    expect_on_record(finish(running));
    EXPECT_TRUE(has("x"));
    holder.reset();
    ASSERT_TRUE(wait_state(VmState::connected));
    expect_undone();
}

TEST_F(UnreachableChange, IsUndoneWhenItsQemuAnswersAgain) {
    start_both();
    const auto running = start_half();
    host_.deadlines.query = Milliseconds(80);
    const std::shared_ptr<qmp::Session> session = vm()->session();
    pc_.hold("device_del");
    other_.release();
    expect_on_record(finish(running));
    EXPECT_EQ(vm()->state(), VmState::unresponsive);
    host_.deadlines.query = Milliseconds(2000);
    pc_.release();
    expect_undone();
    EXPECT_EQ(vm()->session(), session);
}

TEST_F(UnreachableChange, LeavesTheNextQemuAlone) {
    start_both();
    const auto running = start_half();
    std::optional<FileDescriptor> holder = take_monitor();
    other_.release();
    expect_on_record(finish(running));
    pc_.die();
    holder.reset();
    pc_.listen(socket("a"));
    ASSERT_TRUE(loop_.run_until([this] {
        vm()->link().hurry();
        return host_.store->get().changes.empty();
    }));
    EXPECT_EQ(pc_.count("device_del"), 0u);
}

}  // namespace
}  // namespace ivshmemd::test
