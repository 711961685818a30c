#include "proto/qmp/receiver_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ivshmemd::qmp {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

Inventory inventory_of(Role role) {
    Inventory inventory;
    InventoryDevice& entry = inventory.devices.emplace_back();
    entry.device.spec.role = role;
    entry.device.qom_path = "/machine/peripheral/m";
    entry.backend_id = "m0";
    inventory.backends = {{.id = "m0", .path = "/x"}, {.id = "unused", .path = "/y"}};
    return inventory;
}

/// Answers every question by "PATH PROPERTY", or the list of a path; what is asked, in order.
std::vector<std::string> answer_all(ReceiverQuery& query,
                                    const std::map<std::string, json>& answers) {
    std::vector<std::string> asked;
    while (true) {
        const std::vector<Question> questions = query.next();
        if (questions.empty()) return asked;
        for (const Question& question : questions) {
            const json arguments = json::parse(question.command.arguments);
            std::string what = arguments["path"];
            if (arguments.contains("property")) what += " " + std::string(arguments["property"]);
            asked.push_back(what);
            const auto found = answers.find(what);
            Response response{nullptr, "GenericError", "no such thing"};
            if (found != answers.end()) response = {&found->second, "", ""};
            question.answer(response);
        }
    }
}

json list_of(const std::vector<std::string>& names) {
    json list = json::array();
    for (const std::string& name : names) list.push_back({{"name", name}, {"type", "bool"}});
    return list;
}

TEST(ReceiverQuery, AsksNothingForPeers) {
    const Inventory inventory = inventory_of(Role::peer);
    ReceiverQuery query(inventory);
    EXPECT_THAT(answer_all(query, {}), IsEmpty());
    EXPECT_EQ(query.fault(), "");
}

TEST(ReceiverQuery, AsksForWhatTheBackendHas) {
    const Inventory inventory = inventory_of(Role::master);
    ReceiverQuery query(inventory);
    const std::string id = "x-use-canonical-path-for-ramblock-id";
    const auto asked =
        answer_all(query, {{"/objects/m0", list_of({"align", "size", "rom", id, "discard-data"})},
                           {"/machine/peripheral/m multifunction", true},
                           {"/objects/m0 align", 2097152},
                           {"/objects/m0 rom", "off"},
                           {"/objects/m0 " + id, true}});
    EXPECT_THAT(asked, ElementsAre("/machine/peripheral/m multifunction", "/objects/m0",
                                   "/objects/m0 align", "/objects/m0 rom", "/objects/m0 " + id));
    EXPECT_THAT(query.result().multifunction, ElementsAre("/machine/peripheral/m"));
    EXPECT_THAT(query.result().options, ElementsAre(Pair("m0", ",align=2097152," + id + "=on")));
}

TEST(ReceiverQuery, NamesRomWhereItIsNotWhatFollowsFromReadonly) {
    Inventory inventory = inventory_of(Role::master);
    inventory.backends[0].read_only = true;
    for (const auto& [rom, option] : {std::pair{"off", ",rom=off"}, {"on", ""}, {"auto", ""}}) {
        ReceiverQuery query(inventory);
        answer_all(query, {{"/objects/m0", list_of({"rom"})}, {"/objects/m0 rom", rom}});
        EXPECT_THAT(query.result().options, ElementsAre(Pair("m0", option))) << rom;
    }
}

TEST(ReceiverQuery, LeavesDefaultsOut) {
    const Inventory inventory = inventory_of(Role::master);
    ReceiverQuery query(inventory);
    answer_all(query, {{"/objects/m0", list_of({"align", "rom", "pmem", "prealloc"})},
                       {"/machine/peripheral/m multifunction", false},
                       {"/objects/m0 align", 0},
                       {"/objects/m0 rom", "auto"},
                       {"/objects/m0 pmem", false}});
    EXPECT_THAT(query.result().multifunction, IsEmpty());
    EXPECT_THAT(query.result().options, ElementsAre(Pair("m0", "")));
    EXPECT_EQ(query.fault(), "");
}

TEST(ReceiverQuery, TellsOfABackendThatIsGone) {
    const Inventory inventory = inventory_of(Role::master);
    ReceiverQuery query(inventory);
    answer_all(query, {});
    EXPECT_EQ(query.fault(), "m0 is gone: no such thing");
}

}  // namespace
}  // namespace ivshmemd::qmp
