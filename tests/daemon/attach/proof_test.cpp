#include <fstream>

#include "daemon/attach/attach.h"
#include "daemon/attach/probe_file.h"
#include "daemon/state/proofs.h"
#include "daemon/vm/refresh.h"
#include "tests/daemon/vm/operation_fixture.h"

// A QEMU that the daemon cannot look into, which has the files of this host, or others.

namespace ivshmemd::test {
namespace {

constexpr std::uint64_t mib = 1 << 20;

class AttachProof : public OperationFixture {
  protected:
    Sharing sharing_of_x() {
        const std::optional<Device> device = vm()->device("x");
        return device && device->memory ? sharing_of(*device->memory) : Sharing::private_;
    }
    std::size_t files() const {
        const std::filesystem::path directory =
            std::filesystem::path(region_path("x")).parent_path();
        const std::filesystem::directory_iterator all(directory);
        return static_cast<std::size_t>(std::distance(begin(all), end(all)));
    }
    void expect_refused(const std::string& name) {
        const auto attached = attach_now(request(name));
        ASSERT_FALSE(attached);
        EXPECT_EQ(attached.error().kind, ErrorKind::region_unavailable);
        EXPECT_EQ(pc_.count("device_add"), 0u);
        EXPECT_EQ(pc_.count("object-add"), pc_.count("object-del"));
        EXPECT_TRUE(host_.store->get().proofs.empty());
    }
};

TEST_F(AttachProof, IsKeptOverReadingsAndRestarts) {
    start();
    ASSERT_TRUE(attach_now(request("x")));
    EXPECT_EQ(sharing_of_x(), Sharing::shared);
    EXPECT_EQ(files(), 1u) << "the region alone";
    loop_.run(refresh_for_read(vm()));
    EXPECT_EQ(sharing_of_x(), Sharing::shared);
    Inventory unproved = vm()->inventory();
    for (Backend& each : unproved.backends) each.mapping.verified = false;
    apply_proofs(*host_.store, vm()->key(), unproved);
    EXPECT_TRUE(unproved.backends.at(0).mapping.verified);
    EXPECT_TRUE(unproved.devices.at(0).mapping.verified);
    for (Backend& each : unproved.backends) each.mapping.verified = false;
    apply_proofs(*host_.store, VmKey(vm()->name(), vm()->uuid(), "another run"), unproved);
    EXPECT_FALSE(unproved.backends.at(0).mapping.verified);
}

TEST_F(AttachProof, IsNotThereWhereQemuHasAnotherFile) {
    pc_.see_other_files();
    start();
    expect_refused("x");
    EXPECT_EQ(files(), 0u) << "it was made for nothing";
}

// Somebody has it open: the kernel does not tell who.
TEST_F(AttachProof, IsNotThereWhereQemuSeesAnotherDirectory) {
    pc_.see_other_files();
    start();
    ASSERT_TRUE(host_.regions.create("x", mib, ::geteuid()));
    const std::ifstream open(region_path("x"));
    expect_refused("x");
    EXPECT_EQ(files(), 1u);
}

// It goes away while it is asked: then it has nothing open, which is no proof.
TEST_F(AttachProof, IsNotAskedOfAQemuThatHasGone) {
    pc_.on("object-add", [&](const nlohmann::json& arguments) -> nlohmann::json {
        if (arguments["id"] == "ivshmemd.x.mem.2") return nullptr;
        return pc_.real("object-add", arguments);
    });
    start();
    const auto attaching = start_attach(request("x"));
    ASSERT_TRUE(loop_.run_until([this] { return pc_.count("object-add") == 2; }));
    pc_.qemu().disconnect();
    const auto attached = finish(attaching);
    ASSERT_FALSE(attached);
    EXPECT_EQ(attached.error().kind, ErrorKind::vm_unavailable) << attached.error().message;
    EXPECT_EQ(pc_.count("device_add"), 0u);
}

TEST_F(AttachProof, LeavesNoFileOfADaemonThatWasKilled) {
    std::ofstream(region_path(".ivshmemd.1234")).close();
    std::ofstream(region_path(".ivshmemd.5678")).close();
    std::ofstream(region_path("region")).close();
    const std::ifstream open(region_path(".ivshmemd.5678"));
    remove_stale_probe_files(host_.regions.places());
    EXPECT_FALSE(std::filesystem::exists(region_path(".ivshmemd.1234")));
    EXPECT_TRUE(std::filesystem::exists(region_path(".ivshmemd.5678"))) << "somebody has it open";
    EXPECT_TRUE(std::filesystem::exists(region_path("region")));
}

}  // namespace
}  // namespace ivshmemd::test
