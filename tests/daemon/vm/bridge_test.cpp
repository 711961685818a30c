#include "daemon/vm/bridge.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/daemon/daemon_fixture.h"
#include "tests/support/process.h"
#include "tests/support/unix_socket.h"

// What a bridge says beside its sockets, and whom the daemon believes.

namespace ivshmemd::test {
namespace {

class BridgeBeside : public DaemonFixture {
  protected:
    BridgeBeside() {
        std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755));
    }

    std::string note_path(const std::string& name = "a") const {
        return directory_ / (name + ".json");
    }
    void put(const BridgeNote& note, const std::string& name = "a") {
        std::ofstream(note_path(name)) << write_bridge_note(note);
        ::chmod(note_path(name).c_str(), 0644);
    }
    bool believed(std::optional<uid_t> listener = std::nullopt) {
        return believed_note(socket("a"), listener).has_value();
    }

    BridgeNote note_{.bridge = "ivshmemd-libvirt",
                     .uuid = "11111111-0000-0000-0000-000000000000",
                     .run = "3",
                     .uid = 4242,
                     .gid = 4243,
                     .pid = {},
                     .held = ""};
};

TEST_F(BridgeBeside, IsBelievedWhereNobodyElseCanWrite) {
    EXPECT_FALSE(believed()) << "there is no note";
    put(note_);
    EXPECT_EQ(believed_note(socket("a"), ::geteuid()), note_);
    EXPECT_FALSE(believed(4242)) << "somebody else listens";
    for (const mode_t mode : {0664, 0646}) {
        ::chmod(note_path().c_str(), mode);
        EXPECT_FALSE(believed()) << mode;
    }
    ::chmod(note_path().c_str(), 0644);
    for (const mode_t mode : {0775, 0757, 03770}) {
        ::chmod(directory_.path().c_str(), mode);
        EXPECT_FALSE(believed()) << mode;
    }
    ::chmod(directory_.path().c_str(), 0755);
    EXPECT_TRUE(believed());
}

TEST_F(BridgeBeside, IsNotBelievedWhenItBelongsToSomebodyElse) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    put(note_);
    ASSERT_EQ(::chown(note_path().c_str(), 4242, 4242), 0);
    EXPECT_FALSE(believed());
    ASSERT_EQ(::chown(note_path().c_str(), 0, 0), 0);
    EXPECT_TRUE(believed());
    ASSERT_EQ(::chown(directory_.path().c_str(), 4242, 4242), 0);
    EXPECT_FALSE(believed());
}

TEST_F(BridgeBeside, IsNotBelievedThroughALinkOrWithNonsense) {
    put(note_, "b");
    std::filesystem::create_symlink(note_path("b"), note_path());
    EXPECT_FALSE(believed());
    std::filesystem::remove(note_path());
    std::ofstream(note_path()) << "{";
    EXPECT_FALSE(believed());
    EXPECT_FALSE(believed_note(directory_ / "a.sock"));
}

TEST_F(BridgeBeside, TellsTheDaemonWhoseQemuItIs) {
    put(note_);
    start();
    EXPECT_EQ(vm()->qemu_user(), 4242U);
    EXPECT_EQ(vm()->capabilities()->bridge, "ivshmemd-libvirt");
    EXPECT_EQ(vm()->link().run(), "ivshmemd-libvirt/" + note_.uuid + "/3");
    EXPECT_FALSE(vm()->identity().pid) << "it names none";
}

TEST_F(BridgeBeside, TellsAPidOnlyAsLongAsThatIsTheVm) {
    note_.pid = ::getpid();
    put(note_);
    start();
    EXPECT_FALSE(vm()->identity().pid) << "this process has no such -uuid";
}

TEST_F(BridgeBeside, LeadsToACommandLineThatTellsWhoDeliversInterrupts) {
    Child qemu({.argv = {"sh", "-c", "echo up; kill -STOP $$", "sh", "-uuid", note_.uuid,
                         "-machine", "q35,accel=kvm,kernel-irqchip=off"}});
    ASSERT_TRUE(qemu.wait_out("up", soon()));
    note_.pid = qemu.pid();
    put(note_);
    pc_.on("query-kvm", [](const nlohmann::json&) {
        return FakeQemu::ok({{"enabled", true}, {"present", true}});
    });
    start();
    EXPECT_TRUE(vm()->capabilities()->accelerated);
    EXPECT_FALSE(vm()->capabilities()->kvm) << "its doorbells have to be parked";
}

// When the bridge bound its socket says nothing of when QEMU started, and of its modules.
TEST_F(BridgeBeside, HasItsQemuProbedWithoutLoadingModules) {
    Child qemu({.argv = {"sh", "-c", "echo up; kill -STOP $$", "sh", "-uuid", note_.uuid}});
    ASSERT_TRUE(qemu.wait_out("up", soon()));
    note_.pid = qemu.pid();
    put(note_);
    start();
    EXPECT_EQ(vm()->identity().pid, qemu.pid());
    EXPECT_EQ(vm()->capabilities()->probe_method, ProbeMethod::device_list_properties);
    EXPECT_EQ(pc_.count("qom-list-types"), 0u);
    EXPECT_EQ(vm()->capabilities()->models, (std::set<Model>{Model::plain, Model::doorbell}));
}

TEST_F(BridgeBeside, CanEndWithoutItsQemu) {
    put(note_);
    start();
    const std::string run = vm()->link().run();
    pc_.die();
    ASSERT_TRUE(wait_state(VmState::unreachable));
    vm()->link().hurry();
    ASSERT_TRUE(loop_.run_until([this] { return vm()->link().attempts() > 1; }));
    EXPECT_FALSE(vm()->link().nobody_listens());
    EXPECT_FALSE(vm()->link().last_qemu_gone());
    EXPECT_EQ(vm()->sight(), Sight::partial);
    std::filesystem::remove(socket("a"));
    pc_.listen(socket("a"));
    ASSERT_TRUE(wait_state(VmState::connected));
    EXPECT_EQ(vm()->link().run(), run) << "another socket, the same QEMU";
}

TEST_F(BridgeBeside, SaysWhyItServesNobody) {
    note_.held = "libvirt is saving this domain";
    put(note_, "b");
    const FileDescriptor silent = bind_unix(socket("b"), SOCK_STREAM);
    ASSERT_EQ(::listen(silent.get(), 1), 0);
    start();
    ASSERT_TRUE(wait_state(VmState::busy, "b"));
    EXPECT_EQ(vm("b")->last_error(), note_.held);
    EXPECT_TRUE(vm("b")->link().is_held_by_bridge());
    EXPECT_THAT(vm("b")->unavailable()->message,
                testing::Not(testing::HasSubstr("monitor of its own")));
}

}  // namespace
}  // namespace ivshmemd::test
