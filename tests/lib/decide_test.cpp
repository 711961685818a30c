#include "lib/decide.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

namespace ivshmemd::test {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;
constexpr uid_t daemon_user = 900;

AttachFacts usual_facts() {
    AttachFacts facts;
    facts.vm = "web";
    facts.run_state = "running";
    facts.capabilities.models = {Model::plain, Model::doorbell};
    facts.capabilities.version = {7, 2, 0};
    facts.size_limit = 64 * mebibyte;
    facts.places.directory = "/dev/shm";
    facts.trust.daemon = daemon_user;
    return facts;
}

RegionFacts file_of(std::uint64_t size, uid_t owner = daemon_user) {
    return {true, S_IFREG | 0660, owner, size};
}

DeviceRequest usual_request() {
    DeviceRequest request;
    request.name = "shm0";
    request.size = mebibyte;
    return request;
}

Device there(DeviceState state, std::uint64_t size = mebibyte) {
    Device device;
    device.spec.name = "shm0";
    device.spec.size = size;
    device.spec.region = "shm0";
    device.state = state;
    return device;
}

void use_device(DeviceRequest& request, AttachFacts& facts) {
    request.region = "kvmfr0";
    facts.places.devices["kvmfr0"] = {"/dev/kvmfr0"};
    facts.region = {true, S_IFCHR | 0660, 0, 0};
}

struct Case {
    const char* name;
    std::function<void(DeviceRequest&, AttachFacts&)> change;
    std::optional<ErrorKind> refused;
};

class DecideCase : public ::testing::TestWithParam<Case> {};

TEST_P(DecideCase, IsRefusedOrNot) {
    DeviceRequest request = usual_request();
    AttachFacts facts = usual_facts();
    GetParam().change(request, facts);
    const Result<Decided> decided = decide(request, facts);
    ASSERT_EQ(!decided.has_value(), GetParam().refused.has_value())
        << (decided ? "accepted" : decided.error().message);
    if (decided) return;
    EXPECT_EQ(decided.error().kind, *GetParam().refused) << decided.error().message;
}

using R = DeviceRequest&;
using F = AttachFacts&;

INSTANTIATE_TEST_SUITE_P(
    Table, DecideCase,
    ::testing::Values(
        Case{"usual", [](R, F) {}, {}},
        Case{"in_postmigrate", [](R, F f) { f.run_state = "postmigrate"; },
             ErrorKind::vm_unavailable},
        Case{"peer_of_an_incoming_vm", [](R, F f) { f.run_state = "inmigrate"; },
             ErrorKind::vm_unavailable},
        Case{"master_of_an_incoming_vm",
             [](R r, F f) {
                 f.run_state = "inmigrate";
                 r.role = Role::master;
             },
             {}},
        Case{"model_that_it_lacks", [](R r, F) { r.model = Model::legacy; },
             ErrorKind::model_not_supported},
        Case{"doorbell_without_server", [](R r, F) { r.model = Model::doorbell; },
             ErrorKind::config_unsupported},
        Case{"equal_one_there", [](R, F f) { f.existing = there(DeviceState::attached); }, {}},
        Case{"other_one_there",
             [](R, F f) { f.existing = there(DeviceState::attached, 2 * mebibyte); },
             ErrorKind::device_exists},
        Case{"being_detached", [](R, F f) { f.existing = there(DeviceState::detaching); },
             ErrorKind::operation_in_progress},
        Case{"no_size_and_no_region", [](R r, F) { r.size.reset(); }, ErrorKind::bad_size},
        Case{"no_size_and_a_region",
             [](R r, F f) {
                 r.size.reset();
                 f.region = file_of(mebibyte);
             },
             {}},
        Case{"size_over_the_limit", [](R r, F) { r.size = 128 * mebibyte; }, ErrorKind::bad_size},
        Case{"size_no_power_of_two", [](R r, F) { r.size = 3 * mebibyte; }, ErrorKind::bad_size},
        Case{"region_of_another_size", [](R, F f) { f.region = file_of(2 * mebibyte); },
             ErrorKind::region_mismatch},
        Case{"region_of_a_stranger", [](R, F f) { f.region = file_of(mebibyte, 4711); },
             ErrorKind::permission_denied},
        Case{"second_master",
             [](R r, F f) {
                 r.role = Role::master;
                 f.region = file_of(mebibyte);
                 f.master = "db/x";
             },
             ErrorKind::master_exists},
        Case{"peer_beside_a_master",
             [](R, F f) {
                 f.region = file_of(mebibyte);
                 f.master = "db/x";
             },
             {}},
        Case{"master_of_a_region_to_be_made", [](R r, F) { r.role = Role::master; }, {}},
        Case{"second_master_that_waits_for_a_migration",
             [](R r, F f) {
                 f.run_state = "inmigrate";
                 r.role = Role::master;
                 f.region = file_of(mebibyte);
                 f.master = "db/x";
             },
             {}},
        Case{"incoming_master_beside_that_of_another_vm",
             [](R r, F f) {
                 f.run_state = "inmigrate";
                 r.role = Role::master;
                 f.region = file_of(mebibyte);
                 f.other_master = "db/x";
             },
             ErrorKind::master_exists},
        Case{"incoming_master_of_a_device_with_that_of_another_vm",
             [](R r, F f) {
                 use_device(r, f);
                 f.run_state = "inmigrate";
                 r.role = Role::master;
                 f.places.devices["kvmfr0"].size = mebibyte;
                 f.other_master = "db/x";
             },
             ErrorKind::master_exists},
        Case{"legacy_outside_of_dev_shm",
             [](R r, F f) {
                 f.capabilities.models = {Model::legacy};
                 f.capabilities.version = {3, 1, 0};
                 r.model = Model::legacy;
                 f.places.directory = "/var/lib/regions";
             },
             ErrorKind::config_unsupported},
        Case{"directory_that_is_not_configured", [](R r, F) { r.region = "big:x"; },
             ErrorKind::invalid_parameter},
        Case{"directory_that_is",
             [](R r, F f) {
                 r.region = "big:x";
                 f.places.directories["big"] = "/huge";
             },
             {}},
        Case{"device_that_tells_its_size",
             [](R r, F f) {
                 use_device(r, f);
                 f.region = {true, S_IFREG | 0600, 4711, mebibyte};
             },
             {}},
        Case{"device_of_a_configured_size",
             [](R r, F f) {
                 use_device(r, f);
                 f.places.devices["kvmfr0"].size = mebibyte;
             },
             {}},
        Case{"device_of_another_size",
             [](R r, F f) {
                 use_device(r, f);
                 f.places.devices["kvmfr0"].size = 2 * mebibyte;
             },
             ErrorKind::region_mismatch},
        Case{"device_of_unknown_size",
             [](R r, F f) {
                 use_device(r, f);
                 r.size.reset();
             },
             ErrorKind::bad_size},
        Case{"device_that_is_not_there",
             [](R r, F f) {
                 use_device(r, f);
                 f.region = {};
             },
             ErrorKind::region_unavailable},
        Case{"device_that_is_a_directory",
             [](R r, F f) {
                 use_device(r, f);
                 f.region.mode = S_IFDIR | 0700;
             },
             ErrorKind::region_mismatch},
        Case{"device_node_that_is_not_configured",
             [](R, F f) { f.region = {true, S_IFCHR | 0660, daemon_user, 0}; },
             ErrorKind::region_mismatch},
        Case{"readonly_master",
             [](R r, F) {
                 r.readonly = true;
                 r.role = Role::master;
             },
             ErrorKind::config_unsupported},
        Case{"readonly_memory_that_is_to_be_touched",
             [](R r, F) {
                 r.readonly = true;
                 r.prealloc = true;
             },
             ErrorKind::config_unsupported},
        Case{"readonly_peer", [](R r, F) { r.readonly = true; }, {}},
        Case{"readonly_where_qemu_cannot",
             [](R r, F f) {
                 r.readonly = true;
                 f.capabilities.version = {5, 2, 0};
             },
             ErrorKind::config_unsupported},
        Case{"numa_with_a_server",
             [](R r, F) {
                 r.server = "/run/bell";
                 r.numa = 0;
             },
             ErrorKind::config_unsupported},
        Case{"server_size_no_power_of_two",
             [](R r, F) {
                 r.server = "/run/bell";
                 r.size = 3 * mebibyte;
             },
             ErrorKind::bad_size}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(Decide, MakesARegionThatIsNotThere) {
    const Result<Decided> decided = decide(usual_request(), usual_facts());
    ASSERT_TRUE(decided);
    const ToAttach& wanted = std::get<ToAttach>(*decided);
    EXPECT_TRUE(wanted.create_region);
    EXPECT_EQ(wanted.region_path, "/dev/shm/shm0");
    EXPECT_EQ(wanted.spec.region, "shm0");
    EXPECT_EQ(wanted.spec.model, Model::plain);
    EXPECT_EQ(wanted.spec.role, Role::peer);
    EXPECT_EQ(wanted.spec.size, mebibyte);
}

TEST(Decide, TakesAServersDefaults) {
    DeviceRequest request = usual_request();
    request.server = "/run/bell";
    request.size.reset();
    const Result<Decided> decided = decide(request, usual_facts());
    ASSERT_TRUE(decided) << decided.error().message;
    const ToAttach& wanted = std::get<ToAttach>(*decided);
    EXPECT_EQ(wanted.spec.model, Model::doorbell);
    EXPECT_FALSE(wanted.spec.vectors) << "the server says";
    EXPECT_EQ(wanted.spec.msi, true);
    EXPECT_EQ(wanted.spec.ioeventfd, true);
    EXPECT_EQ(wanted.spec.size, 0u) << "the server says";
    EXPECT_FALSE(wanted.spec.region);
    EXPECT_EQ(wanted.region_path, "");
}

TEST(Decide, ShowsTheEqualDeviceThatIsThere) {
    AttachFacts facts = usual_facts();
    facts.existing = there(DeviceState::attached);
    const Result<Decided> decided = decide(usual_request(), facts);
    ASSERT_TRUE(decided);
    EXPECT_EQ(std::get<Device>(*decided).spec, facts.existing->spec);
}

// What fails first is the answer, whatever else is wrong.
TEST(Decide, KeepsTheOrderOfTheContract) {
    DeviceRequest request = usual_request();
    AttachFacts facts = usual_facts();
    std::vector<ErrorKind> kinds;
    const auto note = [&] { kinds.push_back(decide(request, facts).error().kind); };
    request.role = Role::master;
    facts.region = file_of(2 * mebibyte, 4711);
    facts.master = "db/x";
    request.size = 3 * mebibyte;
    facts.existing = there(DeviceState::detaching);
    request.model = Model::legacy;
    facts.run_state = "postmigrate";
    note();
    facts.run_state = "running";
    note();
    request.model.reset();
    note();
    facts.existing.reset();
    note();
    request.size = mebibyte;
    note();
    facts.region.owner = daemon_user;
    note();
    facts.region.size = mebibyte;
    note();
    EXPECT_EQ(kinds,
              (std::vector<ErrorKind>{ErrorKind::vm_unavailable, ErrorKind::model_not_supported,
                                      ErrorKind::operation_in_progress, ErrorKind::bad_size,
                                      ErrorKind::permission_denied, ErrorKind::region_mismatch,
                                      ErrorKind::master_exists}));
}

}  // namespace
}  // namespace ivshmemd::test
