#include "tests/daemon/declared/declared_fixture.h"

// Declared peers of a QEMU that takes none, and keeps the backend of each that it refuses.

namespace ivshmemd::test {
namespace {

using nlohmann::json;

class DeclaredOnlyMigratable : public DeclaredFixture {
  protected:
    /// QEMU's own words, and what it keeps.
    void refuse_peers() {
        for (const char* backend : {"ivshmemd.x.mem", "ivshmemd.x.mem.1", "ivshmemd.y.mem"}) {
            pc_.pin_backend(backend);
        }
        pc_.on("device_add", [this](const json& arguments) {
            if (arguments.at("master") == json("on")) return pc_.real("device_add", arguments);
            return FakeQemu::error("GenericError",
                                   "disallowing migration blocker (--only-migratable) for: "
                                   "Migration is disabled when using feature 'peer mode' in "
                                   "device 'ivshmem'");
        });
    }
    /// Until it was tried again, or was not.
    void reload_both() {
        const std::size_t before = count_events(EventKind::declared_failed, "x");
        reload({request("x"), request("y")});
        ASSERT_TRUE(loop_.run_until(
            [&] { return count_events(EventKind::declared_failed, "x") > before; }));
        ASSERT_TRUE(wait_settled());
    }
};

TEST_F(DeclaredOnlyMigratable, AreRefusedBeforeQemuHearsOfThemWhereItTells) {
    refuse_peers();
    pc_.on("human-monitor-command", [this](const json& arguments) {
        if (arguments.at("command-line") != json("info migrate")) {
            return pc_.real("human-monitor-command", arguments);
        }
        return FakeQemu::ok("globals:\r\nstore-global-state: on\r\nonly-migratable: on\r\n");
    });
    declare({request("x"), request("y")});
    start();
    ASSERT_TRUE(wait_settled());
    reload_both();
    EXPECT_EQ(pc_.count("object-add"), 0u);
    EXPECT_NE(failure_of("x").find("-only-migratable"), std::string::npos) << failure_of("x");
    DeviceRequest master = request("z");
    master.role = Role::master;
    EXPECT_TRUE(attach_now(master));
}

TEST_F(DeclaredOnlyMigratable, LeaveOneBackendWhereOnlyARefusalTells) {
    refuse_peers();
    declare({request("x"), request("y")});
    start();
    ASSERT_TRUE(wait_settled());
    EXPECT_EQ(pc_.count("device_add"), 1u) << "y is not tried any more";
    reload_both();
    EXPECT_NE(failure_of("x").find("-only-migratable"), std::string::npos) << failure_of("x");
    reconnect();
    reload_both();
    EXPECT_EQ(pc_.count("device_add"), 1u) << "it is the same QEMU";
}

TEST_F(DeclaredOnlyMigratable, AreTriedWithTheNextQemu) {
    refuse_peers();
    declare({request("x"), request("y")});
    start();
    ASSERT_TRUE(wait_settled());
    pc_.on("device_add", {});
    pc_.die();
    pc_.listen(socket("a"));
    ASSERT_TRUE(wait_attached("x"));
    ASSERT_TRUE(wait_attached("y"));
}

}  // namespace
}  // namespace ivshmemd::test
