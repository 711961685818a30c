#include "daemon/vm/preconfig.h"

#include <atomic>

#include "daemon/vm/refresh.h"
#include "tests/daemon/daemon_fixture.h"

namespace ivshmemd::test {
namespace {

// As a QEMU 7.2 does until x-exit-preconfig: what it answers besides tells no machine.
class Preconfig : public DaemonFixture {
  protected:
    void SetUp() override {
        host_.deadlines.no_machine = Milliseconds(60000);
        for (const std::string command : {"query-kvm", "query-pci", "device-list-properties"}) {
            pc_.on(command, [this, command](const json& arguments) {
                return configured_ ? pc_.real(command, arguments)
                                   : FakeQemu::error("GenericError",
                                                     "The command '" + command +
                                                         "' is permitted only after machine "
                                                         "initialization has completed");
            });
        }
        pc_.set_run_state("prelaunch");
        listen();
        registry_.start();
        ASSERT_TRUE(loop_.run_until([this] { return vm()->link().in_preconfig(); }));
    }

    std::atomic<bool> configured_ = false;
};

TEST_F(Preconfig, SaysWhatItIsToWhoeverAsks) {
    EXPECT_EQ(vm()->state(), VmState::connecting);
    loop_.run(wait_connected(vm(), Milliseconds(60000)));  // looks once more, and not for longer
    const std::optional<Error> why = vm()->unavailable();
    ASSERT_TRUE(why);
    EXPECT_EQ(why->kind, ErrorKind::vm_unavailable);
    EXPECT_EQ(detail(*why, "state"), "preconfig");
    EXPECT_NE(why->message.find("-preconfig"), std::string::npos) << why->message;
    EXPECT_NE(why->message.find("x-exit-preconfig"), std::string::npos) << why->message;
    ASSERT_FALSE(events_.empty());
    EXPECT_EQ(events_.back().detail, "preconfig");
}

TEST_F(Preconfig, ConnectsOnceThereIsOne) {
    configured_ = true;
    loop_.run(wait_connected(vm(), Milliseconds(60000)));
    EXPECT_TRUE(wait_state(VmState::connected));
    EXPECT_FALSE(vm()->link().in_preconfig());
    EXPECT_EQ(vm()->run_state(), "prelaunch");
    EXPECT_EQ(vm()->unavailable(), std::nullopt);
    EXPECT_EQ(vm()->capabilities()->models, (std::set<Model>{Model::plain, Model::doorbell}));
}

TEST_F(Preconfig, ForgetsItWithTheQemu) {
    host_.deadlines.backoff_min = host_.deadlines.backoff_max = Milliseconds(60000);
    pc_.qemu().disconnect();
    vm()->link().hurry();
    EXPECT_TRUE(wait_state(VmState::unreachable));
    EXPECT_FALSE(vm()->link().in_preconfig());
}

}  // namespace
}  // namespace ivshmemd::test
