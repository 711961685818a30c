#include "lib/equality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace ivshmemd {
namespace {

using testing::HasSubstr;

DeviceSpec plain() {
    DeviceSpec spec;
    spec.name = "bus0";
    spec.model = Model::plain;
    spec.size = 1 << 20;
    spec.region = "bus0";
    spec.bus = "pci.0";
    spec.slot = 31;
    return spec;
}

DeviceSpec doorbell() {
    DeviceSpec spec = plain();
    spec.model = Model::doorbell;
    spec.region.reset();
    spec.server = "/run/server.sock";
    spec.vectors = 1;
    spec.msi = true;
    spec.ioeventfd = true;
    return spec;
}

DeviceRequest bare() {
    DeviceRequest request;
    request.name = "bus0";
    return request;
}

DeviceRequest bare_with_server() {
    DeviceRequest request = bare();
    request.server = "/run/server.sock";
    return request;
}

DeviceRequest complete() {
    DeviceRequest request = bare();
    request.size = 1 << 20;
    request.model = Model::plain;
    request.role = Role::peer;
    request.region = "bus0";
    request.bus = "pci.0";
    request.slot = 31;
    return request;
}

DeviceRequest complete_with_server() {
    DeviceRequest request = bare_with_server();
    request.size = 1 << 20;
    request.model = Model::doorbell;
    request.role = Role::peer;
    request.vectors = 1;
    request.msi = true;
    request.ioeventfd = true;
    request.bus = "pci.0";
    request.slot = 31;
    return request;
}

using Change = std::function<void(DeviceRequest&)>;
using Found = std::function<void(DeviceSpec&)>;

void expect_equal(const DeviceRequest& request, const DeviceSpec& existing) {
    const Result<void> equal = check_equal(request, existing);
    EXPECT_TRUE(equal) << equal.error().message;
}

void expect_different(const DeviceRequest& request, const DeviceSpec& existing,
                      std::string_view what) {
    const Result<void> equal = check_equal(request, existing);
    ASSERT_FALSE(equal) << "for " << what;
    EXPECT_EQ(equal.error().kind, ErrorKind::device_exists);
    EXPECT_THAT(equal.error().message, HasSubstr(what));
    EXPECT_THAT(equal.error().message, HasSubstr("bus0"));
}

TEST(Equality, HoldsWhenEverythingIsGivenAndTheSame) {
    expect_equal(complete(), plain());
    expect_equal(complete_with_server(), doorbell());
}

TEST(Equality, HoldsWhenEverythingIsLeftOutAndHasItsDefault) {
    expect_equal(bare(), plain());
    expect_equal(bare_with_server(), doorbell());
}

TEST(Equality, FailsForEachGivenFieldThatDiffers) {
    const std::vector<std::pair<Change, std::string_view>> changes = {
        {[](DeviceRequest& r) { r.size = 2 << 20; }, "size"},
        {[](DeviceRequest& r) { r.model = Model::legacy; }, "model"},
        {[](DeviceRequest& r) { r.role = Role::master; }, "role"},
        {[](DeviceRequest& r) { r.region = "other"; }, "region"},
        {[](DeviceRequest& r) { r.server = "/run/server.sock"; }, "server"},
        {[](DeviceRequest& r) { r.bus = "pci.1"; }, "bus"},
        {[](DeviceRequest& r) { r.slot = 30; }, "slot"},
    };
    for (const auto& [change, what] : changes) {
        DeviceRequest request = complete();
        change(request);
        expect_different(request, plain(), what);
    }
}

TEST(Equality, FailsForEachInterruptOptionThatDiffers) {
    const std::vector<std::pair<Change, std::string_view>> changes = {
        {[](DeviceRequest& r) { r.server = "/run/other.sock"; }, "server"},
        {[](DeviceRequest& r) { r.server.reset(); }, "server"},
        {[](DeviceRequest& r) { r.vectors = 2; }, "vectors"},
        {[](DeviceRequest& r) { r.msi = false; }, "msi"},
        {[](DeviceRequest& r) { r.ioeventfd = false; }, "ioeventfd"},
    };
    for (const auto& [change, what] : changes) {
        DeviceRequest request = complete_with_server();
        change(request);
        expect_different(request, doorbell(), what);
    }
}

TEST(Equality, LeavesVectorsToWhatTheServerGave) {
    DeviceSpec existing = doorbell();
    existing.vectors = 2;
    expect_equal(bare_with_server(), existing);
    expect_different(complete_with_server(), existing, "vectors");
}

TEST(Equality, LeavesModelBusAndSlotToWhatIsThere) {
    DeviceSpec existing = plain();
    existing.model = Model::legacy;
    existing.bus = "rp7";
    existing.slot = 0;
    expect_equal(bare(), existing);
}

TEST(Equality, TakesAnOmittedSizeFromWhatIsThere) {
    DeviceSpec existing = plain();
    existing.size = 64 << 20;
    expect_equal(bare(), existing);
}

TEST(Equality, ComparesAnOmittedRoleAndRegionAsTheirDefaults) {
    DeviceSpec master = plain();
    master.role = Role::master;
    expect_different(bare(), master, "role");
    DeviceSpec elsewhere = plain();
    elsewhere.region = "other";
    expect_different(bare(), elsewhere, "region");
    DeviceSpec left_to_qemu = plain();
    left_to_qemu.role = Role::automatic;
    expect_different(bare(), left_to_qemu, "role");
}

TEST(Equality, ComparesOmittedInterruptOptionsAsTheirDefaults) {
    const std::vector<std::pair<Found, std::string_view>> found = {
        {[](DeviceSpec& s) { s.msi = false; }, "msi"},
        {[](DeviceSpec& s) { s.ioeventfd = false; }, "ioeventfd"},
    };
    for (const auto& [change, what] : found) {
        DeviceSpec existing = doorbell();
        change(existing);
        expect_different(bare_with_server(), existing, what);
    }
}

TEST(Equality, DefaultsIoeventfdToMsi) {
    DeviceSpec existing = doorbell();
    existing.model = Model::legacy;
    existing.msi = false;
    existing.ioeventfd = false;
    DeviceRequest request = bare_with_server();
    request.msi = false;
    expect_equal(request, existing);
    existing.ioeventfd = true;
    expect_different(request, existing, "ioeventfd");
}

TEST(Equality, IgnoresInterruptOptionsOfADeviceWithoutAServer) {
    DeviceSpec legacy = plain();
    legacy.model = Model::legacy;
    legacy.vectors = 1;
    legacy.msi = true;
    legacy.ioeventfd = false;  // what QEMU says of a device that has no use for it
    expect_equal(bare(), legacy);
}

TEST(Equality, FailsWhenTheDeviceHasNoRegionToBeTheNamedOne) {
    DeviceSpec elsewhere = plain();
    elsewhere.region.reset();  // its file is not in the region directory
    DeviceRequest request = bare();
    expect_different(request, elsewhere, "region");
    request.region = "bus0";
    expect_different(request, elsewhere, "region");
    request = bare_with_server();
    request.region = "bus0";
    expect_different(request, doorbell(), "region");
}

TEST(Equality, TakesAServersSizeThatIsNotKnownForAnySize) {
    DeviceRequest request = bare_with_server();
    request.size = 1 << 20;
    DeviceSpec unknown = doorbell();
    unknown.size = 0;
    EXPECT_TRUE(check_equal(request, unknown));
    unknown.size = 1 << 21;
    EXPECT_FALSE(check_equal(request, unknown));
}

}  // namespace
}  // namespace ivshmemd
