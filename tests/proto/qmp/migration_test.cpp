#include "proto/qmp/migration.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/proto/qmp/recording.h"

namespace ivshmemd::qmp {
namespace {

TEST(QmpMigration, ReadsAMigrationUnderWay) {
    const json reply = json::parse(R"({"expected-downtime": 300, "status": "active",
        "setup-time": 7, "total-time": 1001, "ram": {"total": 68689920, "remaining": 67665920,
        "mbps": 0.65808, "transferred": 84237, "dirty-sync-count": 1}})");
    const MigrationFacts facts = read_migration(&reply);
    EXPECT_EQ(facts.status, "active");
    EXPECT_EQ(facts.transferred, 84237u);
    EXPECT_EQ(facts.remaining, 67665920u);
    EXPECT_NEAR(facts.megabits_per_second, 0.658, 0.001);
    EXPECT_EQ(facts.downtime, 300);
}

TEST(QmpMigration, ReadsWhyOneFailedOrIsBlocked) {
    const json reply = json::parse(R"({"status": "failed", "error-desc": "Broken pipe",
        "blocked-reasons": ["one", 2, "three"], "downtime": 12, "expected-downtime": 300})");
    const MigrationFacts facts = read_migration(&reply);
    EXPECT_EQ(facts.error, "Broken pipe");
    EXPECT_EQ(facts.blocked, (std::vector<std::string>{"one", "three"}));
    EXPECT_EQ(facts.downtime, 12);
}

TEST(QmpMigration, ReadsWhereADestinationListens) {
    const json reply = json::parse(R"({"socket-address": [
        {"path": "/tmp/in.sock", "type": "unix"},
        {"port": "4444", "ipv4": true, "host": "127.0.0.1", "type": "inet"}]})");
    const MigrationFacts facts = read_migration(&reply);
    EXPECT_EQ(facts.status, "");
    EXPECT_EQ(facts.listens,
              (std::vector<ListenAddress>{{"/tmp/in.sock", "", ""}, {"", "127.0.0.1", "4444"}}));
}

TEST(QmpMigration, ReadsOddRepliesWithoutHarm) {
    for (const char* text : {"null", "1", "[]", "{}", R"({"status": 1, "ram": 2})",
                             R"({"blocked-reasons": {}, "socket-address": [1, {}, {"path": 1}],
                                 "ram": {"transferred": -1, "mbps": "x"}})"}) {
        const json reply = json::parse(text);
        const MigrationFacts facts = read_migration(&reply);
        EXPECT_EQ(facts.status, "");
        EXPECT_EQ(facts.transferred, 0u);
        EXPECT_TRUE(facts.blocked.empty());
        EXPECT_FALSE(read_migration_capability(&reply, "events"));
        EXPECT_EQ(read_migration_status(&reply), "");
    }
    EXPECT_EQ(read_migration(nullptr).status, "");
    EXPECT_FALSE(read_migration_capability(nullptr, "events"));
}

TEST(QmpMigration, SpellsAndReadsCapabilities) {
    EXPECT_EQ(command_object(set_migration_capability("events", true)),
              json::parse(R"({"execute": "migrate-set-capabilities", "arguments":
                  {"capabilities": [{"capability": "events", "state": true}]}})"));
    const json reply = json::parse(R"([{"state": false, "capability": "xbzrle"},
                                       {"state": true, "capability": "events"}])");
    EXPECT_EQ(read_migration_capability(&reply, "events"), true);
    EXPECT_EQ(read_migration_capability(&reply, "xbzrle"), false);
    EXPECT_EQ(read_migration_capability(&reply, "return-path"), std::nullopt);
}

TEST(QmpMigration, ReadsHowQemuWasToldToMigrate) {
    const json on = json::parse(R"([{"state": true, "capability": "x-ignore-shared"}])");
    const json mode = json::parse(R"({"mode": "cpr-reboot", "multifd-channels": 2})");
    EXPECT_EQ(read_migration_settings(&on, &mode), (MigrationSettings{true, "cpr-reboot"}));
    const json off = json::parse(R"([{"state": false, "capability": "x-ignore-shared"}])");
    const json none = json::object();
    EXPECT_EQ(read_migration_settings(&off, &none), MigrationSettings());
    EXPECT_EQ(read_migration_settings(nullptr, nullptr), MigrationSettings());
    EXPECT_EQ(read_migration_settings(&none, &on), MigrationSettings()) << "of other types";
}

TEST(QmpMigration, SpellsTheCommand) {
    EXPECT_EQ(command_object(migrate("unix:/x")),
              json::parse(R"({"execute": "migrate", "arguments": {"uri": "unix:/x"}})"));
}

TEST(QmpMigration, IsSpelledAndReadAsRecorded) {
    for (const test::Recording& recording : test::recordings()) {
        SCOPED_TRACE(recording.name());
        EXPECT_EQ(command_object(query_migrate()), recording.at("query-migrate").command);
        EXPECT_EQ(read_migration(&recording.at("query-migrate").value).status, "");
        EXPECT_EQ(command_object(query_migration_capabilities()),
                  recording.at("query-migrate-capabilities").command);
        const json& capabilities = recording.at("query-migrate-capabilities").value;
        EXPECT_EQ(read_migration_capability(&capabilities, "events"), false);
        EXPECT_EQ(read_migration_capability(&capabilities, "return-path"), false);
        EXPECT_EQ(command_object(set_migration_capability("events", true)),
                  recording.at("events capability").command);
        EXPECT_EQ(command_object(migrate("exec:cat>/dev/null")),
                  recording.at("migrate with peer").command);
    }
}

TEST(QmpMigration, TellsWhatBlocksWhereTheRecordedReleaseDid) {
    for (const test::Recording& recording : test::recordings()) {
        SCOPED_TRACE(recording.name());
        const json& with_peer = recording.at("query-migrate with peer").value;
        const bool tells = recording.version() > (Version{6, 0, 0});
        EXPECT_EQ(read_migration(&with_peer).blocked.size(), tells ? 1U : 0U);
    }
}

TEST(Migration, ReadsNoNumberThatCannotBe) {
    const auto ram = [](const char* text) {
        const json value = json::parse(text);
        const json reply = {
            {"status", "active"},
            {"downtime", value},
            {"ram", {{"transferred", value}, {"remaining", value}, {"mbps", value}}}};
        return read_migration(&reply);
    };
    for (const char* text : {"-1", "9223372036854775808", "18446744073709551615", "1e300", "-1e300",
                             "null", "\"1\"", "[]"}) {
        const MigrationFacts facts = ram(text);
        EXPECT_EQ(facts.transferred, 0U) << text;
        EXPECT_EQ(facts.remaining, 0U) << text;
        EXPECT_EQ(facts.megabits_per_second, 0) << text;
    }
    EXPECT_EQ(ram("4294967296").transferred, std::uint64_t{1} << 32);
    EXPECT_EQ(ram("9223372036854775807").remaining, std::uint64_t{INT64_MAX});
    EXPECT_EQ(ram("940.5").megabits_per_second, 940.5);
}

}  // namespace
}  // namespace ivshmemd::qmp
