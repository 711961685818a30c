#include "tests/daemon/api/api_fixture.h"

// AttachMany and DetachMany on the wire; what they do is tested with daemon/transaction.

namespace ivshmemd::test {
namespace {

class ApiManyVms : public ApiFixture {
  protected:
    void SetUp() override {
        other_.listen(socket("b"));
        serve();
        ASSERT_TRUE(wait_state(VmState::connected, "b"));
    }
    static json both(const std::string& name = "x") {
        return {{"vms", {"a", "b"}}, {"name", name}};
    }
    static json sized(json parameters) {
        parameters["size"] = mebibyte;
        return parameters;
    }
};

TEST_F(ApiManyVms, AttachesToAllAndTellsOfTheWay) {
    Client client = connect();
    client.send(hotplug("AttachMany"), sized(both()), {{"more", true}});
    json reply = client.next();
    EXPECT_EQ(reply["parameters"]["progress"]["phase"], "checking");
    EXPECT_EQ(reply["parameters"]["progress"]["total"], 2);
    while (reply.contains("continues")) reply = client.next();
    const json& results = reply["parameters"]["results"];
    ASSERT_EQ(results.size(), 2u) << reply;
    EXPECT_EQ(results[0]["device"]["vm"], "a");
    EXPECT_EQ(results[1]["device"]["vm"], "b");
    EXPECT_EQ(results[1]["changed"], true);
    EXPECT_FALSE(results[1].contains("commands"));
    const json again = client.call(hotplug("AttachMany"), sized(both()));
    EXPECT_EQ(again["parameters"]["results"][0]["changed"], false);
}

TEST_F(ApiManyVms, ShowsTheCommandsOfADryRun) {
    Client client = connect();
    json wish = sized(both());
    wish["dryRun"] = true;
    const json reply = client.call(hotplug("AttachMany"), wish);
    ASSERT_EQ(reply["parameters"]["results"].size(), 2u) << reply;
    EXPECT_EQ(reply["parameters"]["results"][1]["commands"].size(), 2u);
    EXPECT_EQ(client.call(hotplug("ListDevices"))["parameters"]["devices"], json::array());
}

TEST_F(ApiManyVms, DetachesFromAll) {
    Client client = connect();
    ASSERT_EQ(client.error_of(hotplug("AttachMany"), sized(both())), "");
    json wish = both();
    wish["removeRegion"] = true;
    const json reply = client.call(hotplug("DetachMany"), wish);
    const json expected{{{"vm", "a"}, {"result", "removed"}}, {{"vm", "b"}, {"result", "removed"}}};
    EXPECT_EQ(reply["parameters"]["results"], expected) << reply;
    EXPECT_FALSE(reply["parameters"].contains("regionKept"));
}

TEST_F(ApiManyVms, SaysWhyARegionStays) {
    Client client = connect();
    ASSERT_EQ(client.error_of(hotplug("AttachMany"), sized(both())), "");
    json third = sized({{"vm", "a"}, {"name", "y"}, {"region", "x"}});
    ASSERT_EQ(client.error_of(hotplug("Attach"), third), "");
    json wish = both();
    wish["removeRegion"] = true;
    const json reply = client.call(hotplug("DetachMany"), wish);
    EXPECT_NE(reply["parameters"].value("regionKept", "").find("a/y"), std::string::npos) << reply;
}

TEST_F(ApiManyVms, NamesTheFirstToFailAndAllOthers) {
    Client client = connect();
    json wish = sized(both());
    wish["vms"] = {"a", "nobody", "b"};
    wish["role"] = "master";
    const json reply = client.call(hotplug("AttachMany"), wish);
    EXPECT_EQ(reply["error"], hotplug("TransactionFailed"));
    const json& parameters = reply["parameters"];
    EXPECT_EQ(parameters["error"], "NoSuchVm");
    EXPECT_EQ(parameters["vm"], "nobody");
    EXPECT_EQ(parameters["undone"], true);
    EXPECT_EQ(parameters["leftovers"], json::array());
    ASSERT_EQ(parameters["faults"].size(), 2u) << reply;
    EXPECT_EQ(parameters["faults"][1]["error"], "MasterExists");
    EXPECT_EQ(parameters["faults"][1]["device"], "x");
    EXPECT_EQ(parameters["faults"][1]["parameters"]["holder"], "a/x");
}

TEST_F(ApiManyVms, GivesWhatTheFirstErrorHas) {
    Client client = connect();
    other_.on("device_add",
              [](const json&) { return FakeQemu::error("GenericError", "no such luck"); });
    const json reply = client.call(hotplug("AttachMany"), sized(both()));
    const json& parameters = reply["parameters"];
    EXPECT_EQ(parameters["error"], "QemuError") << reply;
    EXPECT_EQ(parameters["device"], "x");
    EXPECT_EQ(parameters["parameters"]["description"], "no such luck");
}

TEST_F(ApiManyVms, AreChangedAlthoughTheClientLeaves) {
    other_.hold("device_add");
    {
        Client client = connect();
        client.send(hotplug("AttachMany"), sized(both()), {{"more", true}});
        ASSERT_TRUE(loop_.run_until(
            [&] { return other_.count("device_add") == 1 && pc_.has_device("ivshmemd.x"); }));
    }
    other_.release();
    EXPECT_TRUE(loop_.run_until([&] { return other_.has_device("ivshmemd.x"); }));
    Client client = connect();
    EXPECT_EQ(client.call(hotplug("AttachMany"), sized(both()))["parameters"]["results"].size(),
              2u);
}

TEST_F(ApiManyVms, RefusesWhatNoVmCouldHave) {
    Client client = connect();
    const auto error = [&](const char* key, const json& value) {
        json wish = sized(both());
        wish[key] = value;
        return client.error_of(hotplug("AttachMany"), wish);
    };
    EXPECT_EQ(error("vms", json::array()), "InvalidParameter");
    EXPECT_EQ(error("vms", {"a", "a"}), "InvalidParameter");
    EXPECT_EQ(error("vms", {"a", ""}), "InvalidParameter");
    EXPECT_EQ(error("vms", "a"), "InvalidParameter");
    EXPECT_EQ(error("name", "1x"), "BadName");
    EXPECT_EQ(error("role", "auto"), "InvalidParameter");
    EXPECT_EQ(error("timeoutMs", -1), "InvalidParameter");
    EXPECT_EQ(client.error_of(hotplug("DetachMany"), both("1x")), "BadName");
    EXPECT_EQ(pc_.count("object-add"), 0u);
}

}  // namespace
}  // namespace ivshmemd::test
