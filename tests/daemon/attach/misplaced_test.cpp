#include "tests/daemon/fake_pc_words.h"
#include "tests/daemon/vm/operation_fixture.h"
#include "tests/support/json_text.h"

// A bus that shares its name is found by a path, and a path may lead elsewhere by the time QEMU
// follows it.
namespace ivshmemd::test {
namespace {

class Misplaced : public OperationFixture {
  protected:
    static constexpr const char* root = "/machine/i440fx/pci.0";
    static constexpr const char* other = "/machine/peripheral/br/pci.0";

    /// The machine has a bridge without hotplug whose bus is called like the root; where a new
    /// device is said to be is `landed`.
    Misplaced() {
        pc_.on("qom-list", [this](const json& arguments) {
            json reply = pc_.real("qom-list", arguments);
            const std::string path = text_of(arguments, "path");
            if (path == "/machine/peripheral") add(reply, "br", "child<pci-bridge>");
            if (path == "/machine/peripheral/br") {
                add(reply, "pci.0", "child<PCI>");
                add(reply, "addr", "int32");
            }
            return reply;
        });
        pc_.on("qom-get", [this](const json& arguments) {
            const std::string property = text_of(arguments, "property");
            const std::string path = text_of(arguments, "path");
            if (path == other) return FakeQemu::ok("");
            const bool asked = property == "parent_bus" && path.ends_with("ivshmemd.x");
            if (asked && !landed_.empty()) return FakeQemu::ok(landed_);
            return pc_.real("qom-get", arguments);
        });
    }

    static void add(json& reply, const char* name, const char* type) {
        reply["return"].push_back({{"name", name}, {"type", type}});
    }

    DeviceRequest on_root() const {
        DeviceRequest wanted = request("x");
        wanted.bus = root;
        return wanted;
    }

    std::string landed_;
};

TEST_F(Misplaced, IsToldToQemuByAPathAndComparedInTheSameWrite) {
    start();
    const Result<Attached> attached = attach_now(on_root());
    ASSERT_TRUE(attached) << attached.error().message;
    EXPECT_EQ(attached->device.spec.bus, root);
    EXPECT_EQ(pc_.given("ivshmemd.x")["bus"], "/i440FX-pcihost/pci.0");
}

TEST_F(Misplaced, DeviceIsTakenOutAgainAndBothBusesAreNamed) {
    start();
    landed_ = other;
    const Result<Attached> attached = attach_now(on_root());
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::qemu_error);
    EXPECT_NE(attached.error().message.find(root), std::string::npos);
    EXPECT_NE(attached.error().message.find(other), std::string::npos);
    EXPECT_FALSE(pc_.has_device("ivshmemd.x"));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
    EXPECT_EQ(vm()->devices().size(), 0u);
}

TEST_F(Misplaced, DeviceThatTheGuestKeepsIsALeftoverUntilItGoes) {
    start();
    landed_ = other;
    pc_.set_guest(FakePc::Guest::keeps);
    const Result<Attached> attached = attach_now(on_root());
    ASSERT_FALSE(attached);
    EXPECT_NE(attached.error().message.find("ivshmemd.x.mem"), std::string::npos);
    EXPECT_TRUE(region_exists("x")) << "QEMU maps it still";
    landed_.clear();
    pc_.eject("ivshmemd.x");
    ASSERT_TRUE(wait_event(EventKind::detached, "x"));
    EXPECT_FALSE(pc_.has_backend("ivshmemd.x.mem"));
}

}  // namespace
}  // namespace ivshmemd::test
