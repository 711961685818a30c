#include "proto/qmp/dialect.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/proto/qmp/recording.h"

namespace ivshmemd::qmp {
namespace {

constexpr Version nested_releases[] = {{3, 1, 0}, {4, 2, 1}, {5, 1, 0}, {5, 1, 99}};
constexpr Version flat_releases[] = {{5, 2, 0}, {6, 0, 0}, {7, 2, 22}, {10, 0, 13}, {11, 1, 3}};

std::vector<Version> all_releases() {
    std::vector<Version> all(std::begin(nested_releases), std::end(nested_releases));
    all.insert(all.end(), std::begin(flat_releases), std::end(flat_releases));
    return all;
}

AddBackend backend() {
    return {"ivshmemd.bus0.mem", "/dev/shm/bus0", 1 << 20};
}

AddDevice device() {
    AddDevice step;
    step.id = "ivshmemd.bus0";
    step.parts.backend_id = "ivshmemd.bus0.mem";
    step.parts.bus_address = "pci.0";
    step.spec.name = "bus0";
    step.spec.model = Model::plain;
    step.spec.size = 1 << 20;
    step.spec.region = "bus0";
    step.spec.bus = "pci.0";
    step.spec.slot = 31;
    return step;
}

json spelled(const ivshmemd::Command& command, const Version& version) {
    return command_object(spell(command, version));
}

TEST(Dialect, PutsABackendsPropertiesInPropsBefore52) {
    for (const Version& version : nested_releases) {
        const json expected = {
            {"execute", "object-add"},
            {"arguments",
             {{"qom-type", "memory-backend-file"},
              {"id", "ivshmemd.bus0.mem"},
              {"props", {{"size", 1048576}, {"mem-path", "/dev/shm/bus0"}, {"share", true}}}}}};
        EXPECT_EQ(spelled(backend(), version), expected) << to_string(version);
    }
}

TEST(Dialect, PutsABackendsPropertiesBesideItsIdFrom52On) {
    for (const Version& version : flat_releases) {
        const json expected = {{"execute", "object-add"},
                               {"arguments",
                                {{"qom-type", "memory-backend-file"},
                                 {"id", "ivshmemd.bus0.mem"},
                                 {"size", 1048576},
                                 {"mem-path", "/dev/shm/bus0"},
                                 {"share", true}}}};
        EXPECT_EQ(spelled(backend(), version), expected) << to_string(version);
    }
}

TEST(Dialect, SpellsAPlainDeviceAlikeForEveryRelease) {
    const json expected = {{"execute", "device_add"},
                           {"arguments",
                            {{"driver", "ivshmem-plain"},
                             {"id", "ivshmemd.bus0"},
                             {"memdev", "ivshmemd.bus0.mem"},
                             {"master", "off"},
                             {"bus", "pci.0"},
                             {"addr", "1f"}}}};
    for (const Version& version : all_releases()) {
        EXPECT_EQ(spelled(device(), version), expected) << to_string(version);
    }
}

AddDevice doorbell() {
    AddDevice step;
    step.id = "ivshmemd.db";
    step.parts.chardev_id = "ivshmemd.db.chr";
    step.parts.bus_address = "pci.0";
    step.spec.name = "db";
    step.spec.model = Model::doorbell;
    step.spec.role = Role::master;
    step.spec.size = 1 << 20;
    step.spec.server = "/run/server.sock";
    step.spec.vectors = 2;
    step.spec.msi = true;
    step.spec.ioeventfd = false;
    step.spec.bus = "pci.0";
    step.spec.slot = 31;
    return step;
}

TEST(Dialect, SpellsADoorbellWithRealNumbersAndBooleans) {
    const json expected = {{"driver", "ivshmem-doorbell"},
                           {"id", "ivshmemd.db"},
                           {"chardev", "ivshmemd.db.chr"},
                           {"vectors", 2},
                           {"ioeventfd", false},
                           {"master", "on"},
                           {"bus", "pci.0"},
                           {"addr", "1f"}};
    for (const Version& version : all_releases()) {
        EXPECT_EQ(spelled(doorbell(), version)["arguments"], expected) << to_string(version);
    }
}

TEST(Dialect, SpellsALegacyDeviceByTheNameOfItsMemory) {
    AddDevice step = device();
    step.spec.model = Model::legacy;
    step.parts = {"", "/dev/shm/below/bus0", "", "pci.0"};
    // A size without a suffix would be MiB.
    const json expected = {{"driver", "ivshmem"}, {"id", "ivshmemd.bus0"}, {"shm", "below/bus0"},
                           {"size", "1048576B"},  {"role", "peer"},        {"bus", "pci.0"},
                           {"addr", "1f"}};
    EXPECT_EQ(spelled(step, Version{3, 1, 0})["arguments"], expected);
}

TEST(Dialect, SpellsALegacyDeviceWithAServer) {
    AddDevice step = doorbell();
    step.spec.model = Model::legacy;
    step.spec.msi = false;
    const json expected = {
        {"driver", "ivshmem"}, {"id", "ivshmemd.db"}, {"chardev", "ivshmemd.db.chr"},
        {"size", "1048576B"},  {"vectors", 2},        {"msi", false},
        {"ioeventfd", false},  {"role", "master"},    {"bus", "pci.0"},
        {"addr", "1f"}};
    EXPECT_EQ(spelled(step, Version{3, 1, 0})["arguments"], expected);
}

TEST(Dialect, NamesTheBusAsQemuFindsItAndAsksWhereTheDeviceIs) {
    AddDevice step = device();
    step.spec.bus = "/machine/q35/pcie.0";
    step.parts.bus_address = "/q35-pcihost/pcie.0/rp1";
    EXPECT_EQ(spelled(step, Version{7, 2, 0})["arguments"]["bus"], "/q35-pcihost/pcie.0/rp1");
    const json asked = {
        {"execute", "qom-get"},
        {"arguments", {{"path", "/machine/peripheral/ivshmemd.a"}, {"property", "parent_bus"}}}};
    EXPECT_EQ(spelled(AskBus{"ivshmemd.a"}, Version{7, 2, 0}), asked);
}

TEST(Dialect, ConnectsAServerTheWayEachRecordedReleaseAccepted) {
    for (const test::Recording& recording : test::recordings()) {
        SCOPED_TRACE(recording.name());
        for (const char* step : {"getfd", "chardev-add fd", "doorbell add"}) {
            ASSERT_EQ(recording.at(step).value, json::object());
        }
        EXPECT_EQ(spelled(PassFd{"ivshmemd.db"}, recording.version()),
                  recording.at("getfd").command);
        EXPECT_EQ(spelled(AddChardev{"ivshmemd.db.chr", "ivshmemd.db"}, recording.version()),
                  recording.at("chardev-add fd").command);
        json ours = spelled(doorbell(), recording.version());
        json theirs = recording.at("doorbell add").command;
        for (const char* place : {"bus", "addr", "ioeventfd"}) {
            ours["arguments"].erase(place);
            theirs["arguments"].erase(place);
        }
        EXPECT_EQ(ours, theirs);
    }
}

TEST(Dialect, SpellsALegacyDeviceTheWayItsReleaseAccepted) {
    for (const test::Recording& recording : test::recordings()) {
        if (!recording.has("legacy add")) continue;
        SCOPED_TRACE(recording.name());
        ASSERT_EQ(recording.at("legacy add").value, json::object());
        AddDevice step = device();
        step.id = "ivshmemd.old";
        step.spec.model = Model::legacy;
        step.parts = {"", "/dev/shm/busold", "", "pci.0"};
        json ours = spelled(step, recording.version());
        json theirs = recording.at("legacy add").command;
        EXPECT_EQ(ours["arguments"]["size"], "1048576B");  // there it was "1M"
        for (const char* member : {"bus", "addr", "size"}) {
            ours["arguments"].erase(member);
            theirs["arguments"].erase(member);
        }
        EXPECT_EQ(ours, theirs);
    }
}

TEST(Dialect, AlwaysSendsTheRoleAsAString) {
    AddDevice step = device();
    for (const Version& version : all_releases()) {
        step.spec.role = Role::peer;
        EXPECT_EQ(spelled(step, version)["arguments"]["master"], "off");
        step.spec.role = Role::master;
        EXPECT_EQ(spelled(step, version)["arguments"]["master"], "on");
    }
}

TEST(Dialect, SpellsASlotAsTwoHexadecimalDigits) {
    AddDevice step = device();
    std::set<std::string> seen;
    for (int slot = 0; slot < 32; ++slot) {
        step.spec.slot = slot;
        const json address = spelled(step, Version{10, 0, 0})["arguments"]["addr"];
        ASSERT_TRUE(address.is_string());
        const auto text = address.get<std::string>();
        EXPECT_EQ(text.size(), 2U);
        EXPECT_EQ(std::stoi(text, nullptr, 16), slot);
        seen.insert(text);
    }
    EXPECT_EQ(seen.size(), 32U);
}

TEST(Dialect, NamesWhatIsRemoved) {
    for (const Version& version : all_releases()) {
        EXPECT_EQ(spelled(DelBackend{"ivshmemd.a.mem.2"}, version),
                  json({{"execute", "object-del"}, {"arguments", {{"id", "ivshmemd.a.mem.2"}}}}));
        EXPECT_EQ(spelled(DelDevice{"/machine/peripheral-anon/device[0]"}, version),
                  json({{"execute", "device_del"},
                        {"arguments", {{"id", "/machine/peripheral-anon/device[0]"}}}}));
        EXPECT_EQ(spelled(CloseFd{"/run/server.sock"}, version),
                  json({{"execute", "closefd"}, {"arguments", {{"fdname", "/run/server.sock"}}}}));
        EXPECT_EQ(spelled(DelChardev{"ivshmemd.a.chr"}, version),
                  json({{"execute", "chardev-remove"}, {"arguments", {{"id", "ivshmemd.a.chr"}}}}));
    }
}

TEST(Dialect, NamesWhatIsRemovedTheWayItWasRecorded) {
    for (const test::Recording& recording : test::recordings()) {
        SCOPED_TRACE(recording.name());
        const auto ours = [&](const ivshmemd::Command& command) {
            return spelled(command, recording.version());
        };
        EXPECT_EQ(ours(DelDevice{"ivshmemd.bus0"}), recording.at("device_del").command);
        EXPECT_EQ(ours(DelBackend{"ivshmemd.bus0.mem"}), recording.at("object-del").command);
        EXPECT_EQ(ours(PassFd{"ivshmemd.db"}), recording.at("getfd").command);
        EXPECT_EQ(ours(DelChardev{"ivshmemd.db.chr"}), recording.at("chardev-remove busy").command);
    }
}

TEST(Dialect, AsksForTheGlobalsOfAMigrationByName) {
    for (const Version& version : all_releases()) {
        const bool on_demand = version >= Version{10, 1, 0};
        EXPECT_EQ(show_migration(version).arguments, on_demand
                                                         ? R"({"command-line":"info migrate -a"})"
                                                         : R"({"command-line":"info migrate"})")
            << to_string(version);
    }
}

TEST(Dialect, ReadsWhetherAQemuIsOnlyMigratable) {
    const json on = "globals:\r\nstore-global-state: off\r\nonly-migratable: on\r\nx: off\r\n";
    const json off = "Globals:\r\n  store-global-state: on\r\n  only-migratable:   off\r\n";
    EXPECT_EQ(read_only_migratable(&on), true);
    EXPECT_EQ(read_only_migratable(&off), false);
    for (const json& other : {json("migrate: extraneous characters\r\n"), json(""), json(1),
                              json("only-migratable: "), json("only-migratable: ?")}) {
        EXPECT_EQ(read_only_migratable(&other), std::nullopt) << other;
    }
    EXPECT_EQ(read_only_migratable(nullptr), std::nullopt);
}

TEST(Dialect, KnowsTheRefusalOfAnOnlyMigratableQemu) {
    const std::string reason = ") for: Migration is disabled when using feature 'peer mode'";
    for (const char* option : {"(--only-migratable", "(--only_migratable"}) {
        const std::string text = std::string("disallowing migration blocker ") + option + reason;
        EXPECT_TRUE(is_only_migratable_refusal({{}, "GenericError", text})) << text;
    }
    EXPECT_FALSE(
        is_only_migratable_refusal({{}, "GenericError", "Bus 'only-migratable' not found"}));
}

TEST(Dialect, EscapesWhatAPathMayHold) {
    AddBackend step = backend();
    step.path = "/dev/shm/\"quoted\"\\,back=slash\n";
    const json object = spelled(step, Version{7, 2, 0});
    EXPECT_EQ(object["arguments"]["mem-path"], step.path);
}

TEST(Dialect, SpellsABackendTheWayEachRecordedReleaseAccepted) {
    for (const test::Recording& recording : test::recordings()) {
        SCOPED_TRACE(recording.name());
        const test::Exchange& accepted = recording.at("object-add");
        ASSERT_EQ(accepted.value, json::object());
        EXPECT_EQ(spelled(backend(), recording.version()), accepted.command);
    }
}

TEST(Dialect, SpellsADeviceTheWayEachRecordedReleaseAccepted) {
    for (const test::Recording& recording : test::recordings()) {
        SCOPED_TRACE(recording.name());
        const test::Exchange& accepted = recording.at("device_add peer");
        ASSERT_EQ(accepted.value, json::object());
        AddDevice step = device();
        step.parts.bus_address = recording.q35() ? "rp0" : "pci.0";
        step.spec.slot = 0;
        json ours = spelled(step, recording.version());
        // There the place was left to QEMU, or was "0".
        json theirs = accepted.command;
        EXPECT_EQ(ours["arguments"]["bus"], theirs["arguments"].value("bus", "pci.0"));
        for (json* command : {&ours, &theirs}) {
            (*command)["arguments"].erase("bus");
            (*command)["arguments"].erase("addr");
        }
        EXPECT_EQ(ours, theirs);
    }
}

}  // namespace
}  // namespace ivshmemd::qmp
