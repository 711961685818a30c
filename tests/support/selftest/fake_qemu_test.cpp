#include "tests/support/fake_qemu.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/support/json_text.h"
#include "tests/support/qmp_client.h"
#include "tests/support/temp_dir.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

using nlohmann::json;

struct FakeQemuTest : ::testing::Test {
    // The next message that the fake sends to `client`, or null once it has closed.
    static json next(const FileDescriptor& client, std::string& buffer) {
        for (;;) {
            if (const auto text = take_object(buffer)) return parse_json(*text);
            const auto received = receive(client.get(), soon());
            if (!received || received->bytes.empty()) return nullptr;
            buffer += received->bytes;
        }
    }

    TempDir dir_;
    std::filesystem::path socket_ = dir_ / "m.qmp";
    FakeQemu qemu_;
};

TEST_F(FakeQemuTest, PlaysItsScriptAndEchoesTheId) {
    qemu_.greet().expect("one").event("POWERDOWN", nullptr).reply({{"a", 1}});
    qemu_.expect("two", [](const json& arguments) { return arguments.value("x", 0) == 5; });
    qemu_.reply_error("GenericError", "no").inject("garbage {}").close();
    const FileDescriptor client = qemu_.connect();
    std::string buffer;
    EXPECT_TRUE(next(client, buffer).contains("QMP"));
    send_all(client.get(), R"({"execute":"one","id":"first"})", soon());
    EXPECT_EQ(next(client, buffer)["event"], "POWERDOWN");
    EXPECT_EQ(next(client, buffer), json::parse(R"({"return":{"a":1},"id":"first"})"));
    send_all(client.get(), R"({"execute":"two","arguments":{"x":5}})", soon());
    EXPECT_EQ(next(client, buffer)["error"]["desc"], "no");
    EXPECT_EQ(next(client, buffer), json::object());
    EXPECT_TRUE(next(client, buffer).is_null()) << "it was to close";
    EXPECT_TRUE(qemu_.wait_script_done(soon()));
    EXPECT_EQ(qemu_.failure(), "");
}

TEST_F(FakeQemuTest, ReportsAnUnexpectedCommand) {
    qemu_.greet().expect("one").reply(json::object());
    const FileDescriptor client = qemu_.connect();
    std::string buffer;
    next(client, buffer);
    send_all(client.get(), R"({"execute":"other"})", soon());
    EXPECT_TRUE(next(client, buffer).is_null());
    EXPECT_NE(qemu_.failure().find("expected one, got"), std::string::npos) << qemu_.failure();
    EXPECT_FALSE(qemu_.wait_script_done(Deadline::after(std::chrono::milliseconds(0))));
}

TEST_F(FakeQemuTest, AnswersByRuleAndSendsEventsAfterTheReply) {
    qemu_.answer("device_del", [this](const json& arguments) {
        qemu_.event_after_reply("DEVICE_DELETED", {{"device", arguments["id"]}});
        return FakeQemu::ok(json::object());
    });
    qemu_.listen(socket_);
    QmpClient client(socket_, soon());
    EXPECT_EQ(client.version(), 7002);
    client.call("device_del", {{"id", "iv0"}});
    EXPECT_TRUE(client.events().empty()) << "the reply comes first";
    EXPECT_EQ(client.wait_event("DEVICE_DELETED", soon())["data"]["device"], "iv0");
    EXPECT_EQ(qemu_.failure(), "");
    EXPECT_EQ(client.execute("no-such")["error"]["class"], "CommandNotFound");
    EXPECT_NE(qemu_.failure().find("no answer for"), std::string::npos);
    EXPECT_EQ(qemu_.commands(),
              (std::vector<std::string>{"qmp_capabilities", "device_del", "no-such"}));
}

TEST_F(FakeQemuTest, StaysSilentWhereARuleSaysSo) {
    qemu_.answer("query-status", [](const json&) { return nullptr; });
    qemu_.listen(socket_);
    QmpClient client(socket_, soon());
    const Deadline short_wait = Deadline::after(std::chrono::milliseconds(50));
    EXPECT_THROW(client.execute("query-status", json::object(), short_wait), std::runtime_error);
    EXPECT_TRUE(qemu_.wait_received("query-status", soon()));
}

TEST_F(FakeQemuTest, GreetsTheNextClientWhenTheFirstHasGone) {
    qemu_.listen(socket_);
    auto first = std::make_unique<QmpClient>(socket_, soon());
    const FileDescriptor second = connect_unix(socket_, soon());
    EXPECT_FALSE(wait_readable(second.get(), Deadline::after(std::chrono::milliseconds(50))));
    first.reset();
    EXPECT_TRUE(wait_readable(second.get(), soon()));
}

TEST_F(FakeQemuTest, StallsUntilReleased) {
    qemu_.handshake().stall().event("RESUME", nullptr);
    qemu_.listen(socket_);
    QmpClient client(socket_, soon());
    EXPECT_FALSE(qemu_.wait_script_done(Deadline::after(std::chrono::milliseconds(50))));
    qemu_.release();
    client.wait_event("RESUME", soon());
    EXPECT_TRUE(qemu_.wait_script_done(soon()));
    EXPECT_TRUE(qemu_.send_event("STOP", nullptr));
    client.wait_event("STOP", soon());
    qemu_.disconnect();
    EXPECT_THROW(client.wait_event("STOP", soon()), std::runtime_error);
}

TEST_F(FakeQemuTest, KeepsDescriptorsThatComeAlong) {
    qemu_.answer("getfd", [](const json&) { return FakeQemu::ok(json::object()); });
    qemu_.listen(socket_);
    QmpClient client(socket_, soon());
    auto [mine, theirs] = socket_pair();
    client.execute_with_fd("getfd", {{"fdname", "/x"}}, theirs.get());
    theirs.reset();
    std::vector<FileDescriptor> fds = qemu_.take_received_fds();
    ASSERT_EQ(fds.size(), 1u);
    send_all(fds[0].get(), "through", soon());
    EXPECT_EQ(receive(mine.get(), soon())->bytes, "through");
}

class Replay : public FakeQemuTest, public ::testing::WithParamInterface<std::string> {};

TEST_P(Replay, AnswersAsTheRecordedQemuDid) {
    qemu_.replay(std::filesystem::path(IVSHMEMD_TRANSCRIPTS_DIR) / GetParam());
    qemu_.listen(socket_);
    QmpClient client(socket_, soon());
    const std::string version = GetParam().substr(0, GetParam().find('-'));
    EXPECT_EQ(client.version() / 1000, std::stoi(version));
    EXPECT_EQ(client.call("query-status")["status"], "prelaunch");
    EXPECT_EQ(client.execute("device_del", {{"id", "nope"}})["error"]["class"], "DeviceNotFound");
    const json types = client.call("qom-list-types", {{"implements", "ivshmem"}});
    EXPECT_TRUE(types.is_array());
    EXPECT_EQ(qemu_.failure(), "");
    client.execute("qom-list", {{"path", "/never/asked"}});
    EXPECT_NE(qemu_.failure(), "");
}

INSTANTIATE_TEST_SUITE_P(Versions, Replay,
                         ::testing::Values("3.1-pc.jsonl", "5.2-q35.jsonl", "7.2-pc.jsonl",
                                           "10.0-q35.jsonl", "11.1-pc.jsonl"),
                         [](const auto& file) {
                             std::string name = file.param.substr(0, file.param.find(".jsonl"));
                             for (char& c : name) c = (c == '.' || c == '-') ? '_' : c;
                             return name;
                         });

}  // namespace
}  // namespace ivshmemd::test
