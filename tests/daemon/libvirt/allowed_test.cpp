#include "daemon/libvirt/allowed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "lib/names.h"
#include "lib/plan.h"
#include "proto/qmp/descriptors.h"
#include "proto/qmp/dialect.h"
#include "proto/qmp/migration.h"
#include "proto/qmp/queries.h"

namespace ivshmemd::libvirt {
namespace {

bool passes(const qmp::Command& command) {
    const json arguments = command.arguments.empty() ? json() : json::parse(command.arguments);
    return !refusal(command.name, command.arguments.empty() ? nullptr : &arguments);
}

bool passes(const std::string& name, const std::string& arguments) {
    const json parsed = json::parse(arguments);
    return !refusal(name, &parsed);
}

DeviceSpec device(Model model) {
    DeviceSpec spec;
    spec.name = "net0";
    spec.model = model;
    spec.size = 1 << 20;
    spec.slot = 3;
    if (model != Model::plain) spec.server = "/run/server.sock";
    return spec;
}

// The daemon's own spelling, for QEMUs before and after the flat form of object-add.
TEST(Allowed, PassesOnWhatAttachAndDetachSend) {
    Parts parts;
    parts.backend_id = backend_id("net0", 2);
    parts.chardev_id = chardev_id("net0");
    parts.memory_path = "/dev/shm/net0";
    parts.bus_address = "pci.0";
    parts.bus_path = "/machine/i440fx/pci.0";
    for (const Version version : {Version{2, 6, 0}, Version{7, 2, 0}}) {
        for (const Model model : {Model::plain, Model::doorbell, Model::legacy}) {
            const Plan plan = plan_attach(device(model), parts);
            for (const Step& step : plan) {
                const qmp::Command spelled = qmp::spell(step.command, version);
                EXPECT_TRUE(passes(spelled)) << spelled.name << " " << spelled.arguments;
                EXPECT_TRUE(!step.undo || passes(qmp::spell(*step.undo, version)));
            }
        }
    }
}

TEST(Allowed, PassesOnWhatALegacyDeviceIsTriedWith) {
    DeviceSpec spec = device(Model::legacy);
    spec.server.reset();
    Parts parts;
    parts.backend_id = backend_id("net0");
    parts.memory_path = "/dev/shm/net0";
    for (const Step& step : plan_attach(spec, parts)) {
        const qmp::Command spelled = qmp::spell(step.command, Version{3, 1, 0});
        EXPECT_TRUE(passes(spelled)) << spelled.name << " " << spelled.arguments;
    }
}

TEST(Allowed, PassesOnWhatIsAsked) {
    const std::vector<qmp::Command> questions = {qmp::query_status(),
                                                 qmp::query_uuid(),
                                                 qmp::query_kvm(),
                                                 qmp::query_migrate(),
                                                 qmp::query_migration_capabilities(),
                                                 qmp::query_migration_parameters(),
                                                 qmp::set_migration_capability("events", true),
                                                 qmp::list_ivshmem_types(),
                                                 qmp::list_device_properties("ivshmem-plain"),
                                                 qmp::list_ram_blocks(),
                                                 qmp::show_migration(Version{7, 2, 0}),
                                                 qmp::show_migration(Version{11, 1, 3}),
                                                 qmp::qom_list("/machine/peripheral"),
                                                 qmp::qom_get("/machine", "type"),
                                                 qmp::hold_descriptor(qmp::HeldSet::probe),
                                                 qmp::release_descriptor(qmp::HeldSet::spare, 4),
                                                 qmp::release_descriptors(qmp::HeldSet::spare)};
    for (const qmp::Command& each : questions) EXPECT_TRUE(passes(each)) << each.name;
}

struct Refused {
    const char* command;
    const char* arguments;
};

// One thing wrong in each.
const Refused wrong_shapes[] = {
    {"query-status", R"({"x":1})"},
    {"query-status", R"([])"},
    {"qom-get", R"({"path":"/objects/masterKey0","property":"data"})"},
    {"qom-get", R"({"path":"masterKey0","property":"size"})"},
    {"qom-get", R"({"path":"/objects/m","property":"size","x":1})"},
    {"qom-list", R"({"path":"machine"})"},
    {"qom-list", R"({})"},
    {"qom-list-types", R"({"implements":"device"})"},
    {"device-list-properties", R"({"typename":"virtio-net-pci"})"},
    {"migrate-set-capabilities",
     R"({"capabilities":[{"capability":"x-ignore-shared","state":true}]})"},
    {"migrate-set-capabilities", R"({"capabilities":[{"capability":"events","state":false}]})"},
    {"human-monitor-command", R"({"command-line":"quit"})"},
    {"human-monitor-command", R"({"command-line":"migrate"})"},
    {"human-monitor-command", R"({"command-line":"info migrate -b"})"},
    {"human-monitor-command", R"({"command-line":"info ramblock","cpu-index":0})"},
    {"object-add",
     R"({"qom-type":"memory-backend-file","id":"other","size":4096,"mem-path":"/a","share":true})"},
    {"object-add",
     R"({"qom-type":"secret","id":"ivshmemd.a.mem","size":4096,"mem-path":"/a","share":true})"},
    {"object-add",
     R"({"qom-type":"memory-backend-file","id":"ivshmemd.a.mem","size":4096,"mem-path":"/a"})"},
    {"object-add",
     R"({"qom-type":"memory-backend-file","id":"ivshmemd.a.mem","size":4096,"mem-path":"a","share":true})"},
    {"object-add",
     R"({"qom-type":"memory-backend-file","id":"ivshmemd.a.mem","size":-1,"mem-path":"/a","share":true})"},
    {"object-add",
     R"({"qom-type":"memory-backend-file","id":"ivshmemd.a.mem","size":4096,"mem-path":"/a","share":true,"discard-data":true})"},
    {"object-add",
     R"({"qom-type":"memory-backend-file","id":"ivshmemd.a.mem","share":true,"props":{"size":4096,"mem-path":"/a","share":true}})"},
    {"object-add",
     R"({"qom-type":"memory-backend-file","id":"ivshmemd.a.mem","props":{"size":4096,"mem-path":"/a","share":false}})"},
    {"object-del", R"({"id":"pc.ram"})"},
    {"object-del", R"({"id":"ivshmemd.a"})"},
    {"device_add", R"({"driver":"virtio-net-pci","id":"ivshmemd.a"})"},
    {"device_add", R"({"driver":"ivshmem-plain","id":"shmem0","memdev":"ivshmemd.a.mem"})"},
    {"device_add", R"({"driver":"ivshmem-plain","id":"ivshmemd.a","memdev":"pc.ram"})"},
    {"device_add", R"({"driver":"ivshmem-doorbell","id":"ivshmemd.a","chardev":"charserial0"})"},
    {"device_add", R"({"driver":"ivshmem-plain","id":"ivshmemd.a","romfile":"/etc/shadow"})"},
    {"device_add", R"({"driver":"ivshmem-plain","id":"ivshmemd.a","shm":"x"})"},
    {"device_del", R"({"id":"net0"})"},
    {"device_del", R"({"id":"shmem0"})"},
    {"device_del", R"({"id":"/machine/peripheral/ivshmemd.a"})"},
    {"chardev-add",
     R"({"id":"ivshmemd.a.chr","backend":{"type":"file","data":{"out":"/etc/passwd"}}})"},
    {"chardev-add",
     R"({"id":"ivshmemd.a.chr","backend":{"type":"socket","data":{"server":false,"addr":{"type":"unix","data":{"path":"/x"}}}}})"},
    {"chardev-add",
     R"({"id":"ivshmemd.a.chr","backend":{"type":"socket","data":{"server":true,"addr":{"type":"fd","data":{"str":"/x"}}}}})"},
    {"chardev-add",
     R"({"id":"ivshmemd.a.chr","backend":{"type":"socket","data":{"addr":{"type":"fd","data":{"str":"/x"}}}}})"},
    {"chardev-add",
     R"({"id":"mon","backend":{"type":"socket","data":{"server":false,"addr":{"type":"fd","data":{"str":"/x"}}}}})"},
    {"chardev-remove", R"({"id":"charserial0"})"},
    {"getfd", R"({"fdname":"fd-net0"})"},
    {"closefd", R"({"fdname":"libvirt-1-storage"})"},
    {"add-fd", R"({"fdset-id":0})"},
    {"add-fd", R"({})"},
    {"remove-fd", R"({"fdset-id":1})"},
};

TEST(Allowed, KeepsBackEveryOtherShape) {
    for (const Refused& each : wrong_shapes) {
        EXPECT_FALSE(passes(each.command, each.arguments)) << each.command << each.arguments;
    }
}

TEST(Allowed, SaysWhoseMigrationsAre) {
    for (const char* command : {"migrate", "migrate_cancel", "migrate-set-parameters"}) {
        EXPECT_THAT(refusal(command, nullptr).value_or(""), testing::HasSubstr("libvirt's own"));
    }
    EXPECT_THAT(refusal("quit", nullptr).value_or(""), testing::Not(testing::HasSubstr("own")));
}

TEST(Allowed, TakesDescriptorsWithTwoCommands) {
    EXPECT_TRUE(takes_descriptor("getfd"));
    EXPECT_TRUE(takes_descriptor("add-fd"));
    EXPECT_FALSE(takes_descriptor("closefd"));
}

}  // namespace
}  // namespace ivshmemd::libvirt
