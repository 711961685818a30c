#include "proto/qmp/events.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

// An event in words, so that a failure can be read.
struct Words {
    std::string operator()(const DeviceDeleted& event) const {
        return "deleted " + event.path + " (" + event.device + ")";
    }
    std::string operator()(const UnplugRefused& event) const { return "refused " + event.path; }
    std::string operator()(const Reset&) const { return "reset"; }
    std::string operator()(const MigrationChanged& event) const {
        return "migration " + event.status;
    }
    std::string operator()(const RunStateMayChange&) const { return "run state"; }
    std::string operator()(const Other&) const { return "other"; }
};

std::string read(const std::string& message) {
    const Message parsed = parse_message(message);
    const auto* event = std::get_if<Event>(&parsed);
    return event ? std::visit(Words(), read_event(*event)) : "no event: " + message;
}

std::string with_data(const std::string& name, const std::string& data) {
    return R"({"event": ")" + name + R"(", "data": )" + data +
           R"(, "timestamp": {"seconds": 1, "microseconds": 2}})";
}

TEST(QemuEvents, AreReadOneByOne) {
    const std::map<std::string, std::string> expected{
        {with_data("DEVICE_DELETED", R"({"path": "/machine/peripheral/x", "device": "x"})"),
         "deleted /machine/peripheral/x (x)"},
        {with_data("DEVICE_DELETED", R"({"path": "/machine/peripheral-anon/device[0]"})"),
         "deleted /machine/peripheral-anon/device[0] ()"},
        {with_data("DEVICE_DELETED", R"({"path": 7, "device": null})"), "deleted  ()"},
        {R"({"event": "DEVICE_DELETED"})", "deleted  ()"},
        {with_data("DEVICE_UNPLUG_GUEST_ERROR", R"({"path": "/machine/peripheral/x"})"),
         "refused /machine/peripheral/x"},
        {with_data("RESET", R"({"guest": true, "reason": "guest-reset"})"), "reset"},
        {R"({"event": "RESET"})", "reset"},
        {with_data("MIGRATION", R"({"status": "active"})"), "migration active"},
        {with_data("MIGRATION", R"({"status": 1})"), "migration "},
        {R"({"event": "STOP"})", "run state"},
        {R"({"event": "RESUME"})", "run state"},
        {R"({"event": "SHUTDOWN"})", "run state"},
        {R"({"event": "SUSPEND"})", "run state"},
        {R"({"event": "WAKEUP"})", "run state"},
        {R"({"event": "GUEST_PANICKED"})", "run state"},
        {R"({"event": "BLOCK_IO_ERROR"})", "run state"},
        {with_data("MEM_UNPLUG_ERROR", R"({"device": "dimm0", "msg": "no"})"), "other"},
        {with_data("RTC_CHANGE", R"({"offset": 1})"), "other"},
        {R"({"event": "device_deleted"})", "other"},
        {R"({"event": ""})", "other"},
    };
    for (const auto& [message, words] : expected) EXPECT_EQ(read(message), words) << message;
}

/// Every event of one recorded conversation.
std::vector<json> recorded_events(const std::filesystem::path& file) {
    std::vector<json> events;
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) {
        const json step = json::parse(line);
        for (const char* part : {"recv", "then"}) {
            for (const json& message : step.at(part)) {
                if (message.contains("event")) events.push_back(message);
            }
        }
    }
    return events;
}

TEST(QemuEvents, OfEveryRecordedQemuAreKnown) {
    std::map<std::string, int> seen;
    for (const auto& entry : std::filesystem::directory_iterator(IVSHMEMD_TRANSCRIPTS_DIR)) {
        if (entry.path().extension() != ".jsonl") continue;
        for (const json& event : recorded_events(entry.path())) {
            const std::string words = read(event.dump());
            const std::string name = event.at("event");
            ++seen[name];
            if (name == "DEVICE_DELETED") {
                const std::string path = event.at("data").at("path");
                EXPECT_TRUE(words.starts_with("deleted " + path + " (")) << words;
            }
            if (name == "RESET") {
                EXPECT_EQ(words, "reset");
            }
            if (name == "STOP" || name == "RESUME") {
                EXPECT_EQ(words, "run state");
            }
        }
    }
    EXPECT_GT(seen["DEVICE_DELETED"], 0);
}

}  // namespace
}  // namespace ivshmemd::qmp
