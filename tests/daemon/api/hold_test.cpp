#include <gmock/gmock.h>

#include "tests/daemon/api/api_fixture.h"
#include "tests/daemon/fake_migration.h"

// The hold of a VM as clients have it: by their connection.

namespace ivshmemd::test {
namespace {

using testing::HasSubstr;

class ApiHold : public ApiFixture {
  protected:
    void start() {
        host_.deadlines.migration_poll = Milliseconds(20);
        serve();
        Client client = connect();
        const json parameters{{"vm", "a"}, {"name", "p"}, {"size", mebibyte}};
        ASSERT_EQ(client.error_of(hotplug("Attach"), parameters), "");
    }
    bool has_p() const { return pc_.has_device("ivshmemd.p"); }
    bool wait_free() {
        return loop_.run_until([this] { return host_.holds.empty(); });
    }

    FakeMigration migration_{pc_};
    const json a_{{"vm", "a"}};
};

TEST_F(ApiHold, LastsUntilItIsReleased) {
    start();
    Client client = connect();
    const json held = client.call(hotplug("Hold"), a_);
    EXPECT_EQ(held["parameters"]["detached"][0]["name"], "p") << held;
    EXPECT_FALSE(has_p());
    const json vms = client.call(hotplug("ListVms"));
    EXPECT_EQ(vms["parameters"]["vms"][0]["hold"]["phase"], "held") << vms;
    const json devices = client.call(hotplug("ListDevices"), a_);
    EXPECT_EQ(devices["parameters"]["holds"][0]["devices"], json({"p"})) << devices;
    Client other = connect();
    EXPECT_EQ(other.error_of(hotplug("Hold"), a_), "OperationInProgress");
    EXPECT_EQ(other.error_of(hotplug("Release"), a_), "InvalidParameter");
    const json released = client.call(hotplug("Release"), a_);
    EXPECT_EQ(released["parameters"], json({{"result", "back"}, {"out", json::array()}}));
    EXPECT_TRUE(has_p());
    EXPECT_EQ(client.error_of(hotplug("Release"), a_), "InvalidParameter");
    EXPECT_FALSE(client.call(hotplug("ListDevices"))["parameters"].contains("holds"));
}

TEST_F(ApiHold, TellsWhatToMindOfAMigration) {
    pc_.qemu().version(10, 0, 13);
    start();
    Client client = connect();
    const json master{{"vm", "a"}, {"name", "m"}, {"size", mebibyte}, {"role", "master"}};
    ASSERT_EQ(client.error_of(hotplug("Attach"), master), "");
    const json held = client.call(hotplug("Hold"), a_);
    ASSERT_EQ(held["parameters"]["warnings"].size(), 1u) << held;
    EXPECT_EQ(held["parameters"]["warnings"][0]["severity"], "warns");
    const json verdict = client.call(hotplug("CheckMigration"), a_);
    EXPECT_EQ(verdict["parameters"]["reasons"], held["parameters"]["warnings"]) << verdict;
    client.call(hotplug("Release"), a_);
}

TEST_F(ApiHold, TellsHowFarItIs) {
    start();
    Client client = connect();
    client.send(hotplug("Hold"), a_, {{"more", true}});
    json reply = client.next();
    EXPECT_EQ(reply["parameters"]["progress"]["phase"], "detaching") << reply;
    while (reply.value("continues", false)) reply = client.next();
    EXPECT_EQ(reply["parameters"]["detached"].size(), 1u) << reply;
    migration_.move_to("active", "running");
    client.send(hotplug("Release"), a_, {{"more", true}});
    reply = client.next();
    EXPECT_EQ(reply["parameters"]["progress"]["phase"], "releasing") << reply;
    EXPECT_THAT(std::string(reply["parameters"]["progress"]["text"]), HasSubstr("migrating"));
    migration_.move_to("cancelled", "running");
    while (reply.value("continues", false)) reply = client.next();
    EXPECT_EQ(reply["parameters"]["result"], "back") << reply;
}

TEST_F(ApiHold, OfAVmThatLeftTellsWhatIsOut) {
    start();
    Client client = connect();
    client.call(hotplug("Hold"), a_);
    migration_.move_to("completed", "postmigrate");
    const json released = client.call(hotplug("Release"), a_);
    EXPECT_EQ(released["parameters"]["result"], "left") << released;
    EXPECT_EQ(released["parameters"]["out"][0]["name"], "p");
    const json findings = client.call(hotplug("Diagnose"), a_)["parameters"]["findings"];
    const auto named = std::find_if(findings.begin(), findings.end(),
                                    [](const json& each) { return each["kind"] == "devicesOut"; });
    ASSERT_NE(named, findings.end()) << findings;
    EXPECT_EQ(json((*named)["text"]), json("p is out: the VM left while a client held it"));
    EXPECT_THAT(std::string((*named)["mend"]), HasSubstr("'ivshmemctl replug a' plugs in"));
    EXPECT_THAT(std::string((*named)["mend"]), HasSubstr("'ivshmemctl replug a --forget'"));
}

TEST_F(ApiHold, OfAVmThatLeftCanBeForgotten) {
    start();
    Client client = connect();
    client.call(hotplug("Hold"), a_);
    EXPECT_EQ(client.error_of(hotplug("Forget"), a_), "OperationInProgress");
    migration_.move_to("completed", "postmigrate");
    client.call(hotplug("Release"), a_);
    const json none = client.call(hotplug("Forget"), {{"vm", "a"}, {"uuid", "of another"}});
    EXPECT_EQ(none["parameters"], json({{"forgotten", json::array()}}));
    const json listed = client.call(hotplug("ListDevices"), a_)["parameters"]["holds"];
    EXPECT_EQ(json(listed[0]["forget"]), json("ivshmemctl replug a --forget")) << listed;
    const json forgotten = client.call(hotplug("Forget"), a_);
    EXPECT_EQ(json(forgotten["parameters"]["forgotten"][0]["name"]), json("p")) << forgotten;
    EXPECT_EQ(client.call(hotplug("Forget"), a_)["parameters"],
              json({{"forgotten", json::array()}}));
    EXPECT_FALSE(client.call(hotplug("ListDevices"))["parameters"].contains("holds"));
    EXPECT_EQ(client.error_of(hotplug("Forget"), {{"vm", "nobody"}}), "NoSuchVm");
    EXPECT_EQ(client.error_of(hotplug("Forget"), {{"vm", "no name"}}), "BadName");
}

TEST_F(ApiHold, LeavesNothingInMindThatIsAttachedByHand) {
    start();
    Client client = connect();
    client.call(hotplug("Hold"), a_);
    pc_.on("device_add", [](const json&) { return FakeQemu::error("GenericError", "not now"); });
    const json released = client.call(hotplug("Release"), a_);
    EXPECT_EQ(released["parameters"]["result"], "partly") << released;
    EXPECT_EQ(host_.store->get().migrations.size(), 1u);
    pc_.on("device_add", [this](const json& given) { return pc_.real("device_add", given); });
    const json by_hand{{"vm", "a"}, {"name", "p"}, {"size", mebibyte}};
    EXPECT_EQ(client.error_of(hotplug("Attach"), by_hand), "");
    EXPECT_TRUE(host_.store->get().migrations.empty());
}

TEST_F(ApiHold, EndsWithItsConnection) {
    start();
    {
        Client client = connect();
        client.call(hotplug("Hold"), a_);
        ASSERT_FALSE(has_p());
    }
    ASSERT_TRUE(wait_free());
    EXPECT_TRUE(has_p());
}

TEST_F(ApiHold, EndsWithAConnectionThatEndedBeforeTheAnswer) {
    start();
    pc_.set_guest(FakePc::Guest::keeps);
    {
        Client client = connect();
        client.send(hotplug("Hold"), a_);
        ASSERT_TRUE(loop_.run_until([this] { return pc_.count("device_del") > 0; }));
    }
    ASSERT_TRUE(loop_.run_until([this] { return host_.holds.contains("a"); }));
    pc_.set_guest(FakePc::Guest::lets_go);
    pc_.eject("ivshmemd.p");
    ASSERT_TRUE(wait_free());
    EXPECT_TRUE(has_p());
}

TEST_F(ApiHold, IsNoneWithoutAVm) {
    start();
    Client client = connect();
    EXPECT_EQ(client.error_of(hotplug("Hold"), {{"vm", "nobody"}}), "NoSuchVm");
    EXPECT_EQ(client.error_of(hotplug("Hold"), {{"vm", "a"}, {"timeoutMs", -1}}),
              "InvalidParameter");
    EXPECT_TRUE(host_.holds.empty());
}

}  // namespace
}  // namespace ivshmemd::test
