#include "daemon/api/listen.h"
#include "daemon/api/methods.h"
#include "tests/daemon/api/api_fixture.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

class ApiAccess : public ApiFixture {
  protected:
    void SetUp() override {
        serve();
        std::string warning;
        Result<UniqueFd> listener = listen_for_clients(read_socket_, {}, warning);
        ASSERT_TRUE(listener) << listener.error().message;
        server_.start(std::move(*listener), Access::reading);
    }
    Client connect_to_read() { return {*this, connect_unix(read_socket_, soon())}; }

    const std::string read_socket_ = directory_ / "read.sock";
};

constexpr const char* denied = "org.varlink.service.PermissionDenied";

TEST_F(ApiAccess, ThroughTheSocketForReadingShowsEverything) {
    Client client = connect_to_read();
    EXPECT_TRUE(client.call("org.varlink.service.GetInfo")["parameters"].contains("vendor"));
    EXPECT_EQ(client.call(hotplug("ListVms"))["parameters"]["vms"].size(), 2u);
    for (const char* method : {"ListDevices", "ListRegions", "Diagnose"}) {
        EXPECT_EQ(client.error_of(hotplug(method), json::object()), "") << method;
    }
    EXPECT_EQ(client.error_of(hotplug("CheckMigration"), {{"vm", "a"}}), "");
    EXPECT_EQ(client.error_of(hotplug("Probe"), {{"vm", "a"}}), "");
}

TEST_F(ApiAccess, ThroughTheSocketForReadingChangesNothing) {
    Client client = connect_to_read();
    const json attach{{"vm", "a"}, {"name", "x"}, {"size", mebibyte}};
    const json device{{"vm", "a"}, {"name", "x"}};
    const json migrate{{"vm", "a"}, {"uri", "tcp:127.0.0.1:1"}};
    const json replug{{"vm", "a"}, {"devices", json::array()}};
    const json attach_many{{"vms", {"a"}}, {"name", "x"}, {"size", mebibyte}};
    const json detach_many{{"vms", {"a"}}, {"name", "x"}};
    const std::vector<std::pair<std::string, json>> calls{{"Attach", attach},
                                                          {"Detach", device},
                                                          {"AttachMany", attach_many},
                                                          {"DetachMany", detach_many},
                                                          {"Migrate", migrate},
                                                          {"Replug", replug},
                                                          {"Forget", {{"vm", "a"}}},
                                                          {"Hold", {{"vm", "a"}}},
                                                          {"Release", {{"vm", "a"}}},
                                                          {"Apply", {{"topology", json::object()}}},
                                                          {"RemoveRegion", {{"region", "x"}}}};
    for (const auto& [method, parameters] : calls) {
        const json reply = client.call(hotplug(method), parameters);
        EXPECT_EQ(reply["error"], denied) << method;
        EXPECT_NE(reply.dump().find("reading only"), std::string::npos) << reply;
    }
    client.send(hotplug("Attach"), attach, {{"oneway", true}});
    EXPECT_EQ(client.call(hotplug("ListDevices"))["parameters"]["devices"], json::array());
    EXPECT_EQ(pc_.count("object-add"), 0u);
    Client other = connect();
    EXPECT_EQ(other.error_of(hotplug("Attach"), attach), "");
}

// A method that is added is for reading only when somebody has said so.
TEST_F(ApiAccess, IsDecidedForEveryMethodOfTheInterface) {
    const std::set<std::string> reading{"ListVms", "ListDevices",    "ListRegions",   "Diagnose",
                                        "Probe",   "CheckMigration", "QemuArguments", "Subscribe"};
    for (const auto& method : interface_.methods) {
        const ApiMethod* found = find_api_method(method.name);
        ASSERT_NE(found, nullptr) << method.name;
        EXPECT_EQ(found->needs == Access::reading, reading.contains(method.name)) << method.name;
    }
}

}  // namespace
}  // namespace ivshmemd::test
