#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/certification/certification_server.h"
#include "tests/certification/interface_text.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/varlink_client.h"

// The conformance test of the Varlink project: its client walks through org.varlink.certification
// on a server that speaks with our proto/varlink.

namespace ivshmemd::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* foreign_client = "varlink-go-certification";

class Certification : public testing::Test {
  protected:
    TempDir dir_;
    const std::filesystem::path socket_ = dir_ / "certification.sock";
};

std::string method(const std::string& name) {
    return std::string(certification_interface) + "." + name;
}

TEST_F(Certification, IsGrantedByTheClientOfVarlinkGo) {
    const bool installed =
        run({{"sh", "-c", std::string("command -v ") + foreign_client}}).out != "";
    if (!installed && !std::getenv("IVSHMEMD_REQUIRE_QEMU")) {
        GTEST_SKIP() << "there is no " << foreign_client << ": ./dev setup";
    }
    CertificationServer server(socket_);
    const RunResult result =
        run({{foreign_client, "-client", "-varlink", "unix:" + socket_.string()}});
    // Its exit code says nothing: it is 0 for a failure too.
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.out, HasSubstr("End: 'true'")) << result.err;
    EXPECT_THAT(result.out, Not(HasSubstr("failed")));
    const auto sessions = server.finish();
    ASSERT_EQ(sessions.size(), 1u);
    EXPECT_EQ(sessions[0].complaint(), "");
    EXPECT_TRUE(sessions[0].certified());
}

TEST_F(Certification, IsRefusedForAWrongValue) {
    CertificationServer server(socket_);
    {
        VarlinkClient client(socket_);
        const json started = client.call(method("Start"), json::object());
        json parameters = {{"client_id", started["parameters"]["client_id"]}};
        EXPECT_EQ(client.call(method("Test01"), parameters)["parameters"]["bool"], true);
        parameters["bool"] = 1;
        const json refused = client.call(method("Test02"), parameters);
        EXPECT_EQ(refused["error"], method("CertificationError"));
        EXPECT_EQ(refused["parameters"]["wants"]["parameters"], json({{"bool", true}}));
        parameters = {{"client_id", "another"}, {"bool", true}};
        EXPECT_EQ(client.call(method("Test02"), parameters)["error"], method("ClientIdError"));
    }
    const auto sessions = server.finish();
    ASSERT_EQ(sessions.size(), 1u);
    EXPECT_FALSE(sessions[0].certified());
    EXPECT_NE(sessions[0].complaint(), "");
}

TEST_F(Certification, ServerTellsWhatItIs) {
    CertificationServer server(socket_);
    VarlinkClient client(socket_);
    const json info = client.call("org.varlink.service.GetInfo", json::object());
    EXPECT_EQ(info["parameters"]["interfaces"],
              json({"org.varlink.service", certification_interface}));
    const json text = client.call("org.varlink.service.GetInterfaceDescription",
                                  {{"interface", certification_interface}});
    EXPECT_EQ(text["parameters"]["description"], certification_text);
    EXPECT_EQ(client.call("org.example.other.Ping", json::object())["error"],
              "org.varlink.service.InterfaceNotFound");
}

}  // namespace
}  // namespace ivshmemd::test
