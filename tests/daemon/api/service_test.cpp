#include "daemon/api/service.h"

#include "proto/api/interface_text.h"
#include "tests/daemon/api/api_fixture.h"

namespace ivshmemd::test {
namespace {

class ApiService : public ApiFixture {};

json attach_parameters(const std::string& name) {
    return {{"vm", "a"}, {"name", name}, {"size", mebibyte}};
}

TEST_F(ApiService, SaysWhatItIs) {
    serve(false);
    Client client = connect();
    const json info = client.call("org.varlink.service.GetInfo");
    EXPECT_EQ(info["parameters"]["interfaces"],
              json({"org.varlink.service", "io.ivshmemd.Hotplug"}));
    const json text = client.call("org.varlink.service.GetInterfaceDescription",
                                  {{"interface", "io.ivshmemd.Hotplug"}});
    EXPECT_EQ(text["parameters"]["description"], std::string(api::interface_text()));
}

TEST_F(ApiService, NamesUnknownInterfacesAndMethods) {
    serve(false);
    Client client = connect();
    const json interface = client.call("org.example.Other.Ping");
    EXPECT_EQ(interface["error"], "org.varlink.service.InterfaceNotFound");
    EXPECT_EQ(interface["parameters"]["interface"], "org.example.Other");
    const json method = client.call("io.ivshmemd.Hotplug.Ping");
    EXPECT_EQ(method["error"], "org.varlink.service.MethodNotFound");
    EXPECT_EQ(method["parameters"]["method"], "Ping");
    EXPECT_EQ(client.error_of("nodots", json::object()), "InterfaceNotFound");
}

TEST_F(ApiService, RefusesParametersThatDoNotFit) {
    serve();
    Client client = connect();
    const std::vector<std::pair<json, std::string>> cases{
        {{{"vm", "a"}, {"bogus", 1}}, "bogus"},
        {{{"vm", 5}}, "vm"},
        {{{"vm", ""}}, "vm"},
        {json::object(), "vm"},
        {{{"vm", nullptr}}, "vm"},
    };
    for (const auto& [parameters, offence] : cases) {
        const json reply = client.call(hotplug("Probe"), parameters);
        EXPECT_EQ(reply["error"], "org.varlink.service.InvalidParameter") << parameters;
        EXPECT_EQ(reply["parameters"]["parameter"], offence) << parameters;
    }
    client.send_raw(std::string(R"({"method":"io.ivshmemd.Hotplug.Probe","parameters":)"
                                R"({"vm":"a","vm":"a"}})") +
                    '\0');
    EXPECT_EQ(client.next()["parameters"]["parameter"], "vm");
}

TEST_F(ApiService, RefusesValuesOutsideOfTheirRange) {
    serve();
    Client client = connect();
    const auto error = [&](const char* key, const json& value) {
        json parameters = attach_parameters("x");
        parameters[key] = value;
        return client.error_of(hotplug("Attach"), parameters);
    };
    EXPECT_EQ(error("slot", 32), "InvalidParameter");
    EXPECT_EQ(error("slot", -1), "InvalidParameter");
    EXPECT_EQ(error("size", 1.0), "InvalidParameter");
    EXPECT_EQ(error("size", true), "InvalidParameter");
    EXPECT_EQ(error("size", 3 * mebibyte), "BadSize");
    EXPECT_EQ(error("size", -4096), "BadSize");
    EXPECT_EQ(error("role", "auto"), "InvalidParameter");
    EXPECT_EQ(error("model", "ivshmem-flat"), "InvalidParameter");
    EXPECT_EQ(error("region", "a/b"), "BadName");
    EXPECT_EQ(error("name", "1x"), "BadName");
    EXPECT_EQ(error("vm", "../x"), "BadName");
    EXPECT_EQ(error("vm", "nope"), "NoSuchVm");
    EXPECT_EQ(error("bus", "nobus"), "InvalidParameter");
    EXPECT_EQ(pc_.count("object-add"), 0u);
}

TEST_F(ApiService, AttachesListsAndDetaches) {
    serve();
    Client client = connect();
    const json attached = client.call(hotplug("Attach"), attach_parameters("x"));
    ASSERT_FALSE(attached.contains("error")) << attached;
    EXPECT_EQ(attached["parameters"]["changed"], true);
    EXPECT_FALSE(attached["parameters"].contains("commands"));
    EXPECT_EQ(attached["parameters"]["device"]["vm"], "a");
    const json devices = client.call(hotplug("ListDevices"))["parameters"]["devices"];
    ASSERT_EQ(devices.size(), 1u);
    EXPECT_EQ(devices[0]["name"], "x");
    EXPECT_EQ(devices[0]["guestMapped"], true);
    EXPECT_EQ(devices[0]["region"], "x");
    const json vms = client.call(hotplug("ListVms"))["parameters"]["vms"];
    ASSERT_EQ(vms.size(), 2u);
    EXPECT_EQ(vms[0]["deviceCount"], 1);
    EXPECT_EQ(vms[0]["state"], "connected");
    EXPECT_EQ(vms[1]["state"], "unreachable");
    const json detached = client.call(hotplug("Detach"), {{"vm", "a"}, {"name", "x"}});
    EXPECT_EQ(detached["parameters"]["result"], "removed");
}

TEST_F(ApiService, ShowsTheCommandsOfADryRun) {
    serve();
    Client client = connect();
    json parameters = attach_parameters("x");
    parameters["dryRun"] = true;
    const json reply = client.call(hotplug("Attach"), parameters);
    ASSERT_EQ(reply["parameters"]["commands"].size(), 2u) << reply;
    EXPECT_EQ(reply["parameters"]["commands"][1]["execute"], "device_add");
    EXPECT_EQ(reply["parameters"]["device"]["slot"], 30);
}

TEST_F(ApiService, ListsDevicesByVmAndName) {
    other_.listen(socket("b"));
    serve();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    Client client = connect();
    for (const char* name : {"zeta", "alpha", "mid"}) {
        ASSERT_EQ(client.error_of(hotplug("Attach"), attach_parameters(name)), "");
    }
    json second = attach_parameters("beta");
    second["vm"] = "b";
    ASSERT_EQ(client.error_of(hotplug("Attach"), second), "");
    pc_.qemu().disconnect();
    json names = json::array();
    const json reply = client.call(hotplug("ListDevices"));
    for (const json& device : reply["parameters"]["devices"]) {
        names.push_back(device["name"]);
    }
    EXPECT_EQ(names, json({"alpha", "mid", "zeta", "beta"}));
}

TEST_F(ApiService, GivesQemusWordsInAnError) {
    serve();
    pc_.on("device_add", [](const json&) { return FakeQemu::error("GenericError", "no way"); });
    Client client = connect();
    const json reply = client.call(hotplug("Attach"), attach_parameters("x"));
    EXPECT_EQ(reply["error"], hotplug("QemuError"));
    EXPECT_EQ(reply["parameters"]["description"], "no way");
    EXPECT_EQ(reply["parameters"]["vm"], "a");
    EXPECT_EQ(reply["parameters"]["leftovers"], json::array());
}

TEST_F(ApiService, TellsWhetherTheRegionIsGoneAndWhyItStays) {
    other_.listen(socket("b"));
    serve();
    ASSERT_TRUE(wait_state(VmState::connected, "b"));
    Client client = connect();
    const json leave{{"vm", "a"}, {"name", "x"}, {"removeRegion", true}};
    ASSERT_EQ(client.error_of(hotplug("Attach"), attach_parameters("x")), "");
    const json gone = client.call(hotplug("Detach"), leave);
    EXPECT_EQ(gone["parameters"], json({{"result", "removed"}}));
    ASSERT_EQ(client.error_of(hotplug("Attach"), attach_parameters("x")), "");
    json second = attach_parameters("y");
    second["vm"] = "b";
    second["region"] = "x";
    ASSERT_EQ(client.error_of(hotplug("Attach"), second), "");
    const json kept = client.call(hotplug("Detach"), leave)["parameters"];
    EXPECT_EQ(kept["result"], "removed");
    EXPECT_NE(kept.value("regionKept", "").find("b/y"), std::string::npos) << kept;
    EXPECT_EQ(events_.back().kind, EventKind::detached);
    EXPECT_EQ(json(events_.back().detail), kept["regionKept"]);
}

TEST_F(ApiService, ReportsProgressOfADetachToWhoAsksForMore) {
    serve();
    Client client = connect();
    ASSERT_EQ(client.error_of(hotplug("Attach"), attach_parameters("x")), "");
    pc_.set_guest(FakePc::Guest::keeps);
    client.send(hotplug("Detach"), {{"vm", "a"}, {"name", "x"}, {"timeoutMs", 50}},
                {{"more", true}});
    json reply = client.next();
    EXPECT_EQ(reply["continues"], true);
    EXPECT_FALSE(reply["parameters"]["progress"]["text"].get<std::string>().empty());
    while (reply.contains("continues")) reply = client.next();
    EXPECT_EQ(reply["parameters"], json({{"result", "pending"}}));
}

TEST_F(ApiService, WantsExactlyOneOfNameAndPath) {
    serve();
    Client client = connect();
    EXPECT_EQ(client.error_of(hotplug("Detach"), {{"vm", "a"}}), "InvalidParameter");
    EXPECT_EQ(
        client.error_of(hotplug("Detach"), {{"vm", "a"}, {"name", "x"}, {"qomPath", "/machine/x"}}),
        "InvalidParameter");
    EXPECT_EQ(client.error_of(hotplug("Detach"), {{"vm", "a"}, {"name", "x"}}), "NoSuchDevice");
    EXPECT_EQ(client.error_of(hotplug("Detach"), {{"vm", "a"}, {"name", "x"}, {"timeoutMs", -1}}),
              "InvalidParameter");
}

TEST_F(ApiService, ProbesAVm) {
    serve();
    Client client = connect();
    const json reply = client.call(hotplug("Probe"), {{"vm", "a"}});
    const json capabilities = reply["parameters"]["capabilities"];
    EXPECT_EQ(capabilities["models"], json({"ivshmem_plain", "ivshmem_doorbell"})) << reply;
    EXPECT_EQ(capabilities["defaultModel"], "ivshmem_plain");
    EXPECT_EQ(capabilities["buses"][0]["name"], "pci.0");
    EXPECT_EQ(client.error_of(hotplug("Probe"), {{"vm", "b"}}), "VmUnavailable");
}

TEST_F(ApiService, SubscribesAndPassesOnEvents) {
    serve();
    Client subscriber = connect();
    EXPECT_EQ(subscriber.error_of(hotplug("Subscribe"), json::object()), "ExpectedMore");
    subscriber.send(hotplug("Subscribe"), {{"vm", "a"}}, {{"more", true}});
    EXPECT_EQ(subscriber.next()["parameters"], json({{"ready", true}}));
    host_.events.publish({EventKind::vm_state, "b", {}, "connected"});
    Client client = connect();
    ASSERT_EQ(client.error_of(hotplug("Attach"), attach_parameters("x")), "");
    for (const char* kind : {"attaching", "attached"}) {
        const json event = subscriber.next();
        EXPECT_EQ(event["continues"], true);
        EXPECT_EQ(event["parameters"]["kind"], kind);
        EXPECT_EQ(event["parameters"]["vm"], "a");
        EXPECT_EQ(event["parameters"]["device"], "x");
        EXPECT_TRUE(event["parameters"].contains("time"));
    }
}

TEST_F(ApiService, LeavesOutAnEmptyDetail) {
    serve(false);
    Client subscriber = connect();
    subscriber.send(hotplug("Subscribe"), json::object(), {{"more", true}});
    ASSERT_EQ(subscriber.next()["parameters"], json({{"ready", true}}));
    host_.events.publish({EventKind::attaching, "a", "x", ""});
    EXPECT_FALSE(subscriber.next()["parameters"].contains("detail"));
}

TEST_F(ApiService, TellsASubscriberThatLagsBeforeItIsDropped) {
    serve(false);
    Client subscriber = connect();
    subscriber.send(hotplug("Subscribe"), json::object(), {{"more", true}});
    ASSERT_EQ(subscriber.next()["parameters"], json({{"ready", true}}));
    const std::string detail(64 * 1024, 'x');
    for (int i = 0; i < 40; ++i) {
        host_.events.publish({EventKind::vm_state, "a", {}, detail});
        loop_.run_ready();
    }
    json last;
    for (json reply = subscriber.next(); !reply.is_null(); reply = subscriber.next()) last = reply;
    EXPECT_EQ(last["parameters"]["kind"], "lagged");
}

TEST_F(ApiService, ForgetsASubscriberThatHangsUp) {
    serve(false);
    {
        Client subscriber = connect();
        subscriber.send(hotplug("Subscribe"), json::object(), {{"more", true}});
        ASSERT_EQ(subscriber.next()["parameters"], json({{"ready", true}}));
    }
    loop_.run_ready();
    host_.events.publish({EventKind::attaching, "a", "x", ""});
    Client client = connect();
    EXPECT_EQ(client.error_of(hotplug("ListVms"), json::object()), "");
}

}  // namespace
}  // namespace ivshmemd::test
