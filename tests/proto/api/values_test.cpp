#include "proto/api/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "proto/api/interface_text.h"
#include "proto/varlink/idl_parser.h"
#include "proto/varlink/type_check.h"

namespace ivshmemd::api {
namespace {

using testing::ElementsAre;

const varlink::Interface& published() {
    static const auto parsed = varlink::parse_interface(interface_text());
    if (!parsed) throw std::runtime_error(parsed.error().message);
    return *parsed;
}

void expect_declared(const json& value, std::string_view type) {
    const varlink::TypeDeclaration* declaration = varlink::find_type(published(), type);
    ASSERT_TRUE(declaration) << type;
    const auto& members = std::get<varlink::StructType>(declaration->definition);
    EXPECT_EQ(varlink::check(published(), members, value), std::nullopt) << value.dump();
}

DeviceSpec plain_spec() {
    DeviceSpec spec;
    spec.name = "bus0";
    spec.model = Model::plain;
    spec.role = Role::master;
    spec.size = 1 << 20;
    spec.region = "shared";
    spec.bus = "pci.0";
    spec.slot = 31;
    return spec;
}

Device plain_device() {
    Device device;
    device.spec = plain_spec();
    device.vm = "vm1";
    device.qom_path = "/machine/peripheral/ivshmemd.bus0";
    device.origin = Origin::managed;
    return device;
}

Device doorbell_device() {
    Device device = plain_device();
    device.spec.model = Model::doorbell;
    device.spec.role = Role::peer;
    device.spec.region.reset();
    device.spec.server = "/run/server.sock";
    device.has_server = true;
    device.spec.vectors = 4;
    device.spec.msi = true;
    device.spec.ioeventfd = false;
    device.guest_address = "0000:01:00.0";
    device.guest_mapped = true;
    return device;
}

TEST(SpellDevice, SaysEverythingOfAPlainDeviceAndNothingElse) {
    const json expected = {{"name", "bus0"},
                           {"model", "ivshmem_plain"},
                           {"role", "master"},
                           {"size", 1048576},
                           {"region", "shared"},
                           {"bus", "pci.0"},
                           {"slot", 31},
                           {"vm", "vm1"},
                           {"interrupts", "none"},
                           {"guestMapped", false},
                           {"qomPath", "/machine/peripheral/ivshmemd.bus0"},
                           {"origin", "managed"},
                           {"state", "attached"},
                           {"blocksMigration", false},
                           {"stale", false}};
    EXPECT_EQ(spell_device(plain_device()), expected);
}

TEST(SpellDevice, SaysEverythingOfADoorbellDevice) {
    const json device = spell_device(doorbell_device());
    EXPECT_EQ(device["model"], "ivshmem_doorbell");
    EXPECT_EQ(device["server"], "/run/server.sock");
    EXPECT_EQ(device["vectors"], 4);
    EXPECT_EQ(device["msi"], true);
    EXPECT_EQ(device["ioeventfd"], false);
    EXPECT_EQ(device["interrupts"], "msix");
    EXPECT_EQ(device["guestAddress"], "0000:01:00.0");
    EXPECT_EQ(device["guestMapped"], true);
    EXPECT_EQ(device["blocksMigration"], true);
    EXPECT_FALSE(device.contains("region"));
}

TEST(SpellDevice, IsWhatTheInterfaceDeclaresForEveryValue) {
    for (const Device& base : {plain_device(), doorbell_device()}) {
        for (const Model model : {Model::legacy, Model::plain, Model::doorbell}) {
            for (const Role role : {Role::peer, Role::master, Role::automatic}) {
                for (const DeviceState state : {DeviceState::attaching, DeviceState::attached,
                                                DeviceState::detaching, DeviceState::leaked}) {
                    for (const bool flag : {false, true}) {
                        Device device = base;
                        device.spec.model = model;
                        device.spec.role = role;
                        device.spec.msi = flag;
                        device.state = state;
                        device.stale = flag;
                        device.origin = flag ? Origin::foreign : Origin::managed;
                        expect_declared(spell_device(device), "Device");
                    }
                }
            }
        }
    }
}

TEST(SpellDevice, GivesALeakedDeviceNoPlaceAndNoSayInMigration) {
    Device leaked = plain_device();
    leaked.state = DeviceState::leaked;
    leaked.spec.role = Role::peer;
    leaked.spec.bus.clear();
    const json device = spell_device(leaked);
    expect_declared(device, "Device");
    EXPECT_FALSE(device.contains("bus"));
    EXPECT_FALSE(device.contains("slot"));
    EXPECT_EQ(device["blocksMigration"], false);
}

TEST(SpellDevice, KeepsTheLargestSize) {
    Device device = plain_device();
    device.spec.size = std::uint64_t{1} << 62;
    expect_declared(spell_device(device), "Device");
    EXPECT_EQ(spell_device(device)["size"], std::uint64_t{1} << 62);
}

Capabilities qemu_with(std::set<Model> models) {
    Capabilities capabilities;
    capabilities.models = std::move(models);
    capabilities.version = {7, 2, 22};
    capabilities.machine_type = "pc-i440fx-7.2-machine";
    return capabilities;
}

TEST(SpellCapabilities, SaysWhatThereIs) {
    Bus root;
    root.name = "pci.0";
    root.hotpluggable = true;
    for (int slot = 0; slot < 30; ++slot) root.occupied.insert(slot);
    Bus port;
    port.name = "rp0";
    port.port = true;
    const json expected = {
        {"models", {"ivshmem_plain", "ivshmem_doorbell"}},
        {"defaultModel", "ivshmem_plain"},
        {"defaultModelWithServer", "ivshmem_doorbell"},
        {"qemuVersion", "7.2.22"},
        {"machineType", "pc-i440fx-7.2-machine"},
        {"buses",
         {{{"name", "pci.0"}, {"hotpluggable", true}, {"freeSlots", {30, 31}}},
          {{"name", "rp0"}, {"hotpluggable", false}, {"freeSlots", json::array()}}}},
        {"probeMethod", "device-list-properties"}};
    EXPECT_EQ(spell_capabilities(qemu_with({Model::plain, Model::doorbell}), {root, port}),
              expected);
}

TEST(SpellCapabilities, IsWhatTheInterfaceDeclaresForEverySetOfModels) {
    const Model all[] = {Model::legacy, Model::plain, Model::doorbell};
    for (unsigned set = 0; set < 8; ++set) {
        std::set<Model> models;
        for (unsigned i = 0; i < 3; ++i) {
            if (set & (1U << i)) models.insert(all[i]);
        }
        Capabilities capabilities = qemu_with(models);
        for (const auto method :
             {ProbeMethod::qom_list_types, ProbeMethod::device_list_properties}) {
            capabilities.probe_method = method;
            const json spelled = spell_capabilities(capabilities, {Bus{}});
            expect_declared(spelled, "Capabilities");
            EXPECT_EQ(spelled["models"].size(), models.size());
            EXPECT_EQ(spelled.contains("defaultModel"),
                      models.contains(Model::legacy) || models.contains(Model::plain));
            EXPECT_EQ(spelled.contains("defaultModelWithServer"),
                      models.contains(Model::legacy) || models.contains(Model::doorbell));
        }
    }
}

Result<DeviceRequest> read(json changes) {
    json parameters = {{"vm", "vm1"}, {"name", "bus0"}};
    parameters.update(changes);
    return read_device_request(parameters);
}

TEST(ReadDeviceRequest, FillsInNothing) {
    const Result<DeviceRequest> request = read(json::object());
    ASSERT_TRUE(request);
    EXPECT_EQ(request->name, "bus0");
    EXPECT_FALSE(request->size || request->model || request->role || request->region ||
                 request->server || request->vectors || request->msi || request->ioeventfd ||
                 request->bus || request->slot);
}

TEST(ReadDeviceRequest, TakesNullForNotGiven) {
    json nulls;
    for (const char* key : {"size", "model", "role", "region", "server", "vectors", "msi",
                            "ioeventfd", "bus", "slot", "dryRun"}) {
        nulls[key] = nullptr;
    }
    const Result<DeviceRequest> request = read(nulls);
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_FALSE(request->size || request->model || request->role || request->region ||
                 request->server || request->vectors || request->msi || request->ioeventfd ||
                 request->bus || request->slot);
}

TEST(ReadDeviceRequest, ReadsEveryField) {
    const Result<DeviceRequest> request = read({{"size", 65536},
                                                {"model", "ivshmem_doorbell"},
                                                {"role", "master"},
                                                {"region", "shared"},
                                                {"server", "/run/server.sock"},
                                                {"vectors", 8},
                                                {"msi", true},
                                                {"ioeventfd", false},
                                                {"bus", "rp1"},
                                                {"slot", 0}});
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->size, 65536U);
    EXPECT_EQ(request->model, Model::doorbell);
    EXPECT_EQ(request->role, Role::master);
    EXPECT_EQ(request->region, "shared");
    EXPECT_EQ(request->server, "/run/server.sock");
    EXPECT_EQ(request->vectors, 8U);
    EXPECT_EQ(request->msi, true);
    EXPECT_EQ(request->ioeventfd, false);
    EXPECT_EQ(request->bus, "rp1");
    EXPECT_EQ(request->slot, 0);
}

TEST(ReadDeviceRequest, TakesModelsWithDashesOrUnderscores) {
    for (const auto& [word, model] :
         {std::pair("ivshmem", Model::legacy), std::pair("ivshmem_plain", Model::plain),
          std::pair("ivshmem-plain", Model::plain), std::pair("ivshmem_doorbell", Model::doorbell),
          std::pair("ivshmem-doorbell", Model::doorbell)}) {
        const Result<DeviceRequest> request = read({{"model", word}});
        ASSERT_TRUE(request) << word;
        EXPECT_EQ(request->model, model);
    }
}

TEST(ReadDeviceRequest, TakesTheEndsOfEachRange) {
    EXPECT_EQ(read({{"slot", 0}})->slot, 0);
    EXPECT_EQ(read({{"slot", 31}})->slot, 31);
    EXPECT_EQ(read({{"vectors", 1}})->vectors, 1U);
    EXPECT_EQ(read({{"vectors", 2048}})->vectors, 2048U);
    EXPECT_EQ(read({{"size", INT64_MAX}})->size, static_cast<std::uint64_t>(INT64_MAX));
}

TEST(ReadDeviceRequest, LeavesTheSizeRuleToTheRegion) {
    for (const int size : {0, 1, 5000, 3 << 20}) {
        const Result<DeviceRequest> request = read({{"size", size}});
        ASSERT_TRUE(request);
        EXPECT_EQ(request->size, static_cast<std::uint64_t>(size));
    }
}

struct Bad {
    json changes;
    ErrorKind kind;
    std::string parameter;  // of InvalidParameter
};

TEST(ReadDeviceRequest, RefusesWhatIsOutOfItsRange) {
    const auto invalid = ErrorKind::invalid_parameter;
    for (const auto& [changes, kind, parameter] :
         std::vector<Bad>{{{{"name", ""}}, ErrorKind::bad_name, ""},
                          {{{"name", "0bus"}}, ErrorKind::bad_name, ""},
                          {{{"name", "a/b"}}, ErrorKind::bad_name, ""},
                          {{{"name", std::string(64, 'a')}}, ErrorKind::bad_name, ""},
                          {{{"region", ""}}, ErrorKind::bad_name, ""},
                          {{{"region", ".."}}, ErrorKind::bad_name, ""},
                          {{{"region", "../etc/passwd"}}, ErrorKind::bad_name, ""},
                          {{{"size", -1}}, ErrorKind::bad_size, ""},
                          {{{"size", -4096}}, ErrorKind::bad_size, ""},
                          {{{"size", INT64_MIN}}, ErrorKind::bad_size, ""},
                          {{{"model", "plain"}}, invalid, "model"},
                          {{{"model", "ivshmem-flat"}}, invalid, "model"},
                          {{{"model", "IVSHMEM"}}, invalid, "model"},
                          {{{"model", "e1000\x1b"}}, invalid, "model"},
                          {{{"role", "auto"}}, invalid, "role"},
                          {{{"role", "owner"}}, invalid, "role"},
                          {{{"role", "Master"}}, invalid, "role"},
                          {{{"slot", -1}}, invalid, "slot"},
                          {{{"slot", 32}}, invalid, "slot"},
                          {{{"slot", std::int64_t{1} << 32}}, invalid, "slot"},
                          {{{"vectors", 0}}, invalid, "vectors"},
                          {{{"vectors", -1}}, invalid, "vectors"},
                          {{{"vectors", 2049}}, invalid, "vectors"},
                          {{{"vectors", (std::int64_t{1} << 32) + 1}}, invalid, "vectors"}}) {
        const Result<DeviceRequest> request = read(changes);
        ASSERT_FALSE(request) << changes.dump();
        EXPECT_EQ(kind_name(request.error().kind), kind_name(kind)) << changes.dump();
        if (kind != invalid) continue;
        EXPECT_THAT(request.error().details, ElementsAre(ErrorDetail("parameter", parameter)));
    }
}

TEST(ReadDeviceRequest, RepeatsNoControlBytes) {
    const Result<DeviceRequest> request = read({{"model", "\x1b[31mred\n"}});
    ASSERT_FALSE(request);
    for (const char c : request.error().message) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

TEST(ReadDeviceRequest, NeedsAName) {
    const Result<DeviceRequest> request = read_device_request({{"vm", "vm1"}});
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().kind, ErrorKind::bad_name);
}

TEST(ReadTimeout, IsTheGivenOneOrTheFallback) {
    EXPECT_EQ(*read_timeout_ms(json::object(), 30000), 30000);
    EXPECT_EQ(*read_timeout_ms({{"timeoutMs", nullptr}}, 30000), 30000);
    EXPECT_EQ(*read_timeout_ms({{"timeoutMs", 0}}, 30000), 0);
    EXPECT_EQ(*read_timeout_ms({{"timeoutMs", 1500}}, 30000), 1500);
}

TEST(ReadTimeout, IsNeitherNegativeNorEndless) {
    for (const std::int64_t timeout : {std::int64_t{-1}, INT64_MIN, INT64_MAX}) {
        const Result<std::int64_t> read = read_timeout_ms({{"timeoutMs", timeout}}, 30000);
        ASSERT_FALSE(read) << timeout;
        EXPECT_EQ(read.error().kind, ErrorKind::invalid_parameter);
        EXPECT_THAT(read.error().details,
                    ElementsAre(ErrorDetail("parameter", std::string("timeoutMs"))));
    }
}

}  // namespace
}  // namespace ivshmemd::api
