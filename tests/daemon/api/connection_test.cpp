#include "daemon/api/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "daemon/api/listen.h"
#include "proto/varlink/framing.h"
#include "tests/daemon/api/api_fixture.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

using std::string_literals::operator""s;

class ApiConnection : public ApiFixture {
  protected:
    void SetUp() override { serve(false); }

    /// Connects VM "a", whose QEMU answers nothing from the first command of this attach on.
    Client attach_that_waits() {
        pc_.listen(socket("a"));
        registry_.start();
        EXPECT_TRUE(wait_state(VmState::connected));
        pc_.hold("object-add");
        Client client = connect();
        client.send(hotplug("Attach"), {{"vm", "a"}, {"name", "x"}, {"size", mebibyte}});
        EXPECT_TRUE(loop_.run_until([this] { return pc_.count("object-add") == 1; }));
        return client;
    }

    /// What becomes of a connection that sends these bytes: "closed", or the error it is answered.
    std::string fate_of(const std::string& bytes) {
        Client client = connect();
        client.send_raw(bytes);
        const json reply = client.next(Deadline::after(Milliseconds(5000)));
        if (!reply.is_null()) return reply.value("error", "no error");
        return client.is_closed(Deadline::after(Milliseconds(5000))) ? "closed" : "silence";
    }
};

const std::string get_info = R"({"method":"org.varlink.service.GetInfo"})";
constexpr const char* invalid = "org.varlink.service.InvalidParameter";

/// Whether the service closed, without reading what it sent before.
bool is_hung_up(int fd) {
    pollfd entry{fd, POLLRDHUP, 0};
    return ::poll(&entry, 1, 0) > 0;
}

std::string probe_of(const std::string& vm) {
    return R"({"method":"io.ivshmemd.Hotplug.Probe","parameters":{"vm":)" + vm + "}}" + '\0';
}

TEST_F(ApiConnection, AnswersPipelinedCallsInTheirOrder) {
    Client client = connect();
    client.send("org.varlink.service.GetInfo", json::object());
    client.send(hotplug("Nope"), json::object());
    client.send(hotplug("ListVms"), json::object());
    EXPECT_TRUE(client.next()["parameters"].contains("vendor"));
    EXPECT_EQ(client.next()["error"], "org.varlink.service.MethodNotFound");
    EXPECT_EQ(client.next()["parameters"], json({{"vms", json::array()}}));
}

TEST_F(ApiConnection, AnswersNothingToAOnewayCall) {
    Client client = connect();
    client.send(hotplug("ListVms"), json::object(), {{"oneway", true}});
    client.send(hotplug("Nope"), json::object(), {{"oneway", true}});
    client.send(hotplug("Probe"), {{"vm", 5}}, {{"oneway", true}});
    client.send("org.varlink.service.GetInfo", json::object());
    EXPECT_TRUE(client.next()["parameters"].contains("vendor"));
}

TEST_F(ApiConnection, AnswersWhatCameBeforeAHalfClose) {
    Client client = connect();
    client.send("org.varlink.service.GetInfo", json::object());
    client.send(hotplug("ListVms"), json::object());
    ::shutdown(client.fd(), SHUT_WR);
    EXPECT_TRUE(client.next()["parameters"].contains("vendor"));
    EXPECT_TRUE(client.next()["parameters"].contains("vms"));
    EXPECT_TRUE(client.is_closed());
}

TEST_F(ApiConnection, TakesACallInSmallPieces) {
    Client client = connect();
    for (const char byte : get_info + '\0') {
        client.send_raw(std::string_view(&byte, 1));
        loop_.run_ready();
    }
    EXPECT_TRUE(client.next()["parameters"].contains("vendor"));
}

TEST_F(ApiConnection, ClosesOnWhatIsNotVarlink) {
    EXPECT_EQ(fate_of("\0"s), "closed");
    EXPECT_EQ(fate_of("[]\0"s), "closed");
    EXPECT_EQ(fate_of("{\"method\": \0"s), "closed");
    EXPECT_EQ(fate_of("{\"method\": 5}\0"s), "closed");
    EXPECT_EQ(fate_of(get_info + get_info + '\0'), "closed") << "two objects in a message";
    EXPECT_EQ(fate_of(get_info.substr(0, 20) + '\0' + get_info.substr(20) + '\0'), "closed");
    EXPECT_EQ(fate_of("{\"method\":\"a.b\xff\"}\0"s), "closed") << "not UTF-8";
    EXPECT_EQ(fate_of(R"({"method":"a.b.C","parameters":{"x":"\ud800"}})"s + '\0'), "closed");
    EXPECT_EQ(fate_of("GET / HTTP/1.1\r\n\r\n\0"s), "closed");
    EXPECT_EQ(fate_of(R"({"method":"a.b.C","oneway":true,"more":true})"s + '\0'), "closed");
}

TEST_F(ApiConnection, RefusesAParameterThatIsTooDeepOrHoldsANul) {
    const std::string deep = std::string(70, '[') + std::string(70, ']');
    EXPECT_EQ(fate_of(probe_of(deep)), invalid);
    EXPECT_EQ(fate_of(probe_of(R"("a\u0000b")")), invalid);
    EXPECT_EQ(fate_of(probe_of(std::string(30000, '['))), "closed") << "not even JSON";
}

TEST_F(ApiConnection, TakesTheLongestMessageAndClosesOnALongerOne) {
    const std::string shell = probe_of("\"\"");
    const auto filled = [&](std::size_t length) {  // without its NUL
        return probe_of('"' + std::string(length - (shell.size() - 1), 'x') + '"');
    };
    EXPECT_EQ(fate_of(filled(varlink::request_limit)), hotplug("BadName"));
    EXPECT_EQ(fate_of(filled(varlink::request_limit + 1)), "closed");
    EXPECT_EQ(fate_of(std::string(varlink::request_limit + 1, ' ')), "closed") << "no NUL at all";
}

TEST_F(ApiConnection, GoesOnServingOthersAfterAnOffence) {
    Client client = connect();
    EXPECT_EQ(fate_of("nonsense\0"s), "closed");
    EXPECT_TRUE(client.call("org.varlink.service.GetInfo")["parameters"].contains("vendor"));
}

TEST_F(ApiConnection, BoundsTheConnectionsOfAUser) {
    std::deque<Client> clients;
    for (int i = 0; i < 150; ++i) {
        clients.push_back(connect());
        loop_.run_ready();
    }
    std::size_t open = 0;
    for (Client& client : clients) {
        if (!client.is_closed(Deadline::after(Milliseconds(0)))) ++open;
    }
    EXPECT_EQ(open, host_.config.connections_per_user);
    for (int i = 0; i < 10; ++i) clients.pop_front();
    loop_.run_ready();
    Client next = connect();
    EXPECT_TRUE(next.call("org.varlink.service.GetInfo")["parameters"].contains("vendor"));
}

// After a silence, a message that takes several reads has all its time.
TEST_F(ApiConnection, CountsAMessagesTimeFromItsFirstByte) {
    host_.deadlines.client_message = Milliseconds(150);
    Client client = connect();
    pass(Milliseconds(300));
    client.send_raw(get_info.substr(0, 10));
    loop_.run_ready();
    client.send_raw(get_info.substr(10) + '\0');
    EXPECT_TRUE(client.next()["parameters"].contains("vendor"));
}

TEST_F(ApiConnection, CutsOffWhoDripsAMessageForTooLong) {
    host_.deadlines.client_message = Milliseconds(150);
    Client client = connect();
    int sent = 0;
    do {
        client.send_raw(" ");
        ++sent;
    } while (sent < 1000 && !client.is_closed(Deadline::after(Milliseconds(10))));
    EXPECT_LT(sent, 1000);
}

TEST_F(ApiConnection, CutsOffWhoNeverEndsAMessageAndWhoNeverReads) {
    host_.deadlines.client_message = host_.deadlines.client_write = Milliseconds(1000);
    Client partial = connect();
    partial.send_raw(get_info);
    Client idle = connect();
    Client deaf = connect();
    const json about{{"interface", "io.ivshmemd.Hotplug"}};
    for (int i = 0; i < 100; ++i) {
        deaf.send("org.varlink.service.GetInterfaceDescription", about);
    }
    Client other = connect();
    EXPECT_TRUE(other.call("org.varlink.service.GetInfo")["parameters"].contains("vendor"));
    EXPECT_TRUE(partial.is_closed());
    EXPECT_TRUE(other.call("org.varlink.service.GetInfo")["parameters"].contains("vendor"));
    // Reading sooner would save it.
    ASSERT_TRUE(loop_.run_until([&] { return is_hung_up(deaf.fd()); }));
    int replies = 0;
    while (!deaf.next().is_null()) ++replies;
    EXPECT_LT(replies, 100);
    EXPECT_TRUE(idle.call("org.varlink.service.GetInfo")["parameters"].contains("vendor"))
        << "who is silent between two messages may stay";
}

TEST_F(ApiConnection, DoesNotHoldUpOthersWithACallThatWaits) {
    registry_.start();
    Client waiting = connect();
    waiting.send(hotplug("Attach"), {{"vm", "a"}, {"name", "x"}, {"size", mebibyte}});
    Client other = connect();
    EXPECT_TRUE(other.call("org.varlink.service.GetInfo")["parameters"].contains("vendor"));
    EXPECT_EQ(waiting.next()["error"], hotplug("VmUnavailable"));
}

TEST_F(ApiConnection, SurvivesAClientThatLeavesDuringItsCall) {
    host_.config.connections_per_user = 1;
    { const Client client = attach_that_waits(); }
    pass(Milliseconds(100));  // whatever the daemon makes of it, it has made of it
    EXPECT_EQ(count_events(EventKind::attached, "x"), 0u);
    pc_.release();
    EXPECT_TRUE(wait_event(EventKind::attached, "x")) << "the work goes on";
    EXPECT_TRUE(vm()->device("x"));
    pass(Milliseconds(100));
    Client next = connect();  // takes the place of the one that left
    EXPECT_EQ(next.error_of(hotplug("ListVms"), json::object()), "");
}

TEST_F(ApiConnection, CountsNoClientThatHungUpDuringItsCall) {
    host_.config.connections_per_user = 5;
    const Client first = attach_that_waits();
    // Who is refused comes again: that the last one left may not have been seen yet.
    const auto served = [this] {
        const Deadline deadline = soon();
        while (!deadline.passed()) {
            Client client = connect();
            if (!client.call("org.varlink.service.GetInfo").is_null()) return client;
        }
        throw std::runtime_error("nobody is served any more");
    };
    for (int i = 0; i < 20; ++i) {
        Client leaving = served();
        leaving.send(hotplug("Detach"), {{"vm", "a"}, {"name", "x"}});
    }
    served();
    EXPECT_FALSE(pc_.has_device("ivshmemd.x")) << "all of that while the first call was under way";
    pc_.release();
    EXPECT_TRUE(wait_event(EventKind::attached, "x")) << "the work goes on";
}

TEST_F(ApiConnection, IsToldOfAnAnswerThatIsTooLong) {
    Service service{host_, registry_, 200};
    Server server{host_, service};
    std::string warning;
    Result<UniqueFd> listener = listen_for_clients(directory_ / "small.sock", {}, warning);
    ASSERT_TRUE(listener) << listener.error().message;
    server.start(std::move(*listener));
    Client client(*this, connect_unix(directory_ / "small.sock", soon()));
    registry_.start();
    const json refused = client.call(hotplug("ListVms"));
    EXPECT_EQ(refused["error"], hotplug("Internal"));
    EXPECT_NE(refused["parameters"].value("message", "").find("one VM at a time"),
              std::string::npos)
        << refused;
    EXPECT_EQ(client.call(hotplug("ListDevices"), {{"vm", "a"}})["parameters"],
              json({{"devices", json::array()}}))
        << "the connection goes on";
    server.stop_listening();
    server.close_all();
    EXPECT_TRUE(loop_.run(server.ended(SteadyClock::now() + Milliseconds(20000))));
}

TEST(ApiListen, MakesASocketForItsGroupAndReplacesAStaleOne) {
    const TempDir directory;
    const std::string path = directory / "run" / "api.sock";
    std::string warning;
    { ASSERT_TRUE(listen_for_clients(path, {}, warning)); }
    EXPECT_NE(warning.find("no such group"), std::string::npos);
    warning.clear();
    const auto listener = listen_for_clients(path, ::getegid(), warning);
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_EQ(warning, "");
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0660u);
    const auto second = listen_for_clients(path, {}, warning);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another process"), std::string::npos);
}

TEST(ApiListen, DoesNotReplaceWhatIsNoSocket) {
    const TempDir directory;
    const std::string path = directory / "file";
    std::filesystem::create_directory(path);
    std::string warning;
    EXPECT_FALSE(listen_for_clients(path, {}, warning));
    EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace ivshmemd::test
