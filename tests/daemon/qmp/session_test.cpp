#include "daemon/qmp/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "tests/daemon/qmp/session_fixture.h"
#include "tests/support/json_text.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

using qmp::Answer;
using Kind = qmp::Answer::Kind;

class Session : public SessionFixture {};

std::string reply_line(int id, const std::string& value) {
    return R"({"return": )" + value + R"(, "id": )" + std::to_string(id) + "}\r\n";
}

std::string value_of(const Answer& answer) {
    return answer.get() ? answer.get()->dump() : "none";
}

TEST_F(Session, WaitsOnForAGreetingThatComesLate) {
    qemu_.stall().greet();
    open();
    EXPECT_FALSE(loop_.run(session_->wait_greeting(Milliseconds(50))));
    EXPECT_EQ(session_->cause(), nullptr);
    qemu_.release();
    const auto greeting = loop_.run(session_->wait_greeting(Milliseconds::max()));
    ASSERT_TRUE(greeting);
    EXPECT_EQ(greeting->version, (Version{7, 2, 22}));
    EXPECT_TRUE(greeting->oob);
}

TEST_F(Session, EndsTheWaitForAGreetingWithTheConnection) {
    qemu_.close();
    open();
    EXPECT_FALSE(loop_.run(session_->wait_greeting(Milliseconds::max())));
    EXPECT_NE(session_->cause(), nullptr);
}

TEST_F(Session, EnablesOutOfBandCommandsWhereQemuOffersThem) {
    open();
    loop_.run(session_->wait_greeting(patient));
    EXPECT_TRUE(loop_.run(session_->negotiate()).ok());
    EXPECT_EQ(member(qemu_.received().at(0), "arguments"), json({{"enable", {"oob"}}}));
}

TEST_F(Session, NegotiatesWithoutOutOfBandCommandsWithAnOldQemu) {
    qemu_.version(3, 1);
    open();
    loop_.run(session_->wait_greeting(patient));
    EXPECT_TRUE(loop_.run(session_->negotiate()).ok());
    EXPECT_FALSE(qemu_.received().at(0).contains("arguments"));
    EXPECT_EQ(loop_.run(session_->answers_out_of_band()), std::nullopt);
}

TEST_F(Session, PassesEventsOnBeforeGreetingAndBeforeReplies) {
    qemu_.event("FIRST", nullptr).greet().expect("one").event("SECOND", {{"a", 1}});
    qemu_.reply({{"b", 2}});
    open();
    EXPECT_TRUE(loop_.run(session_->wait_greeting(patient)));
    EXPECT_EQ(value_of(call("one")), R"({"b":2})");
    EXPECT_EQ(events_, (std::vector<std::string>{"FIRST", "SECOND"}));
}

// A long one is read by another thread; what comes behind it waits for it.
TEST_F(Session, KeepsALongMessageInItsPlace) {
    const std::string text(std::size_t{1} << 20, 'x');
    qemu_.greet().expect("one").event("BEFORE", nullptr);
    qemu_.inject(R"({"event": "LONG", "data": {"text": ")" + text + "\"}}\r\n");
    qemu_.event("AFTER", nullptr).reply(json(text));
    open();
    EXPECT_EQ(call("one").get()->get<std::string>(), text);
    EXPECT_EQ(events_, (std::vector<std::string>{"BEFORE", "LONG", "AFTER"}));
}

TEST_F(Session, EndsWithAMessageThatIsTooLong) {
    qemu_.greet().expect("one");
    qemu_.inject(R"({"return": ")" + std::string(qmp::max_frame_bytes, 'x'));
    open();
    EXPECT_EQ(call("one").kind, Kind::disconnected);
    const Error* end = wait_end();
    ASSERT_NE(end, nullptr);
    EXPECT_NE(end->message.find("more than 4194304 bytes"), std::string::npos) << end->message;
}

TEST_F(Session, MatchesRepliesOutOfOrderByTheirIds) {
    qemu_.greet().expect("one").expect("two").expect("three");
    qemu_.inject(reply_line(3, "33") + reply_line(1, "11") + reply_line(2, "22"));
    open();
    const auto one = start_call("one");
    const auto two = start_call("two");
    const auto three = start_call("three");
    ASSERT_TRUE(loop_.run_until([&] { return one->done && two->done && three->done; }));
    EXPECT_EQ(value_of(one->take()), "11");
    EXPECT_EQ(value_of(two->take()), "22");
    EXPECT_EQ(value_of(three->take()), "33");
    EXPECT_EQ(qemu_.failure(), "");
}

TEST_F(Session, GivesQemusErrorToItsCall) {
    qemu_.greet().expect("one").reply_error("DeviceNotFound", "Device 'x' not found");
    open();
    const Answer answer = call("one");
    EXPECT_EQ(answer.kind, Kind::refused);
    EXPECT_EQ(answer.error.error_class, "DeviceNotFound");
    EXPECT_EQ(answer.error.description, "Device 'x' not found");
}

TEST_F(Session, SendsSeveralCommandsInOneWrite) {
    int ends[2];
    // Packets keep the boundaries of the writes.
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    FileDescriptor server(ends[1]);
    open(FileDescriptor(ends[0]));
    std::vector<qmp::Command> commands{qmp::Command("one"), qmp::Command("two"),
                                       qmp::Command("three")};
    const auto pending = loop_.start(session_->call_all(std::move(commands), patient));
    loop_.run_until([&] { return wait_readable(server.get(), Deadline::after(Milliseconds(0))); });
    std::string bytes = receive(server.get(), soon())->bytes;
    std::vector<std::string> names;
    while (const auto text = take_object(bytes)) names.push_back(parse_json(*text)["execute"]);
    EXPECT_EQ(names, (std::vector<std::string>{"one", "two", "three"}));
    send_all(server.get(), reply_line(2, "2") + reply_line(1, "1") + reply_line(3, "3"), soon());
    ASSERT_TRUE(loop_.run_until([&] { return pending->done; }));
    std::vector<std::string> values;
    for (const Answer& answer : pending->take()) values.push_back(value_of(answer));
    EXPECT_EQ(values, (std::vector<std::string>{"1", "2", "3"}));
}

TEST_F(Session, AnswersEachOfSeveralCommandsForItself) {
    qemu_.greet().expect("one").reply_error("GenericError", "no").expect("two").reply(2);
    qemu_.expect("three").close();
    open();
    std::vector<qmp::Command> commands{qmp::Command("one"), qmp::Command("two"),
                                       qmp::Command("three")};
    const std::vector<Answer> answers = loop_.run(session_->call_all(std::move(commands), patient));
    ASSERT_EQ(answers.size(), 3u);
    EXPECT_EQ(answers[0].kind, Kind::refused);
    EXPECT_EQ(answers[1].kind, Kind::value);
    EXPECT_EQ(answers[2].kind, Kind::disconnected);
}

TEST_F(Session, UnderstandsAPrettyPrintedReply) {
    qemu_.greet().expect("one").inject(
        "{\r\n    \"return\": {\r\n        \"a\": \"}\"\r\n    },"
        "\r\n    \"id\": 1\r\n}\r\n");
    open();
    EXPECT_EQ(value_of(call("one")), R"({"a":"}"})");
}

TEST_F(Session, UnderstandsAReplyThatComesByteByByte) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    FileDescriptor server(ends[1]);
    open(FileDescriptor(ends[0]));
    const auto pending = start_call("one");
    loop_.run_ready();
    for (const char byte : reply_line(1, R"({"a": [1, 2]})")) {
        send_all(server.get(), std::string_view(&byte, 1), soon());
        loop_.run_ready();
    }
    ASSERT_TRUE(loop_.run_until([&] { return pending->done; }));
    EXPECT_EQ(value_of(pending->take()), R"({"a":[1,2]})");
}

TEST_F(Session, DropsAndCountsAReplyToACommandNobodySent) {
    qemu_.greet().expect("one").inject(reply_line(77, "{}")).inject(R"({"return": {}})");
    qemu_.inject(R"({"error": {"class": "GenericError", "desc": "x"}, "id": "foreign"})").reply(1);
    open();
    EXPECT_EQ(value_of(call("one")), "1");
    EXPECT_EQ(session_->unknown_replies(), 3u);
    EXPECT_EQ(session_->cause(), nullptr);
}

TEST_F(Session, FailsACallAtItsDeadlineAndStaysUp) {
    qemu_.greet().expect("one").expect("two").reply(2);
    open();
    EXPECT_EQ(call("one", Milliseconds(50)).kind, Kind::timed_out);
    EXPECT_FALSE(session_->responsive());
    EXPECT_EQ(value_of(call("two")), "2");
    EXPECT_EQ(session_->cause(), nullptr);
    EXPECT_EQ(responsive_, (std::vector<bool>{false, true}));
}

TEST_F(Session, TakesALateReplyAsASignOfLife) {
    qemu_.greet().expect("one").stall().reply(1);
    open();
    EXPECT_EQ(call("one", Milliseconds(50)).kind, Kind::timed_out);
    EXPECT_FALSE(session_->responsive());
    qemu_.release();
    EXPECT_TRUE(loop_.run_until([this] { return session_->responsive(); }));
    EXPECT_EQ(session_->unknown_replies(), 0u);
    EXPECT_EQ(responsive_, (std::vector<bool>{false, true}));
}

TEST_F(Session, GoesDeadOnlyOnceForSeveralMissedDeadlines) {
    qemu_.greet().stall();
    open();
    std::vector<qmp::Command> commands{qmp::Command("one"), qmp::Command("two")};
    for (const Answer& answer :
         loop_.run(session_->call_all(std::move(commands), Milliseconds(30)))) {
        EXPECT_EQ(answer.kind, Kind::timed_out);
    }
    EXPECT_EQ(responsive_, (std::vector<bool>{false}));
}

// The reply stands in the socket before the deadline passes, and both are noticed together.
TEST_F(Session, PrefersAReplyToADeadlineThatPassedTogetherWithIt) {
    auto [client, server] = socket_pair();
    open(std::move(client));
    const auto pending = start_call("one", Milliseconds(30));
    loop_.run_ready();
    send_all(server.get(), reply_line(1, "1"), soon());
    std::this_thread::sleep_for(Milliseconds(60));  // the loop stands still past the deadline
    ASSERT_TRUE(loop_.run_until([&] { return pending->done; }));
    EXPECT_EQ(value_of(pending->take()), "1");
    EXPECT_TRUE(responsive_.empty());
}

TEST_F(Session, AnswersOutOfBandWhileTheMainLoopIsBlocked) {
    qemu_.answer("one", [](const json&) { return json(); });
    qemu_.answer("query-yank", [](const json&) { return FakeQemu::ok(json::array()); });
    open();
    loop_.run(session_->wait_greeting(patient));
    loop_.run(session_->negotiate());
    EXPECT_EQ(call("one", Milliseconds(30)).kind, Kind::timed_out);
    EXPECT_EQ(loop_.run(session_->answers_out_of_band()), true);
    EXPECT_FALSE(session_->responsive()) << "the main loop has not answered";
    EXPECT_EQ(qemu_.commands().back(), "query-yank");
    EXPECT_TRUE(qemu_.received().back().contains("exec-oob"));
}

TEST_F(Session, KnowsAStoppedProcessByItsSilenceOutOfBand) {
    qemu_.handshake().stall();
    open();
    loop_.run(session_->wait_greeting(patient));
    loop_.run(session_->negotiate());
    EXPECT_EQ(call("one", Milliseconds(30)).kind, Kind::timed_out);
    EXPECT_EQ(loop_.run(session_->answers_out_of_band()), false);
}

TEST_F(Session, TakesALateAnswerOutOfBandForNoSignOfLife) {
    qemu_.handshake().expect("one").expect("query-yank").stall().reply(json::array());
    qemu_.event("AFTER", nullptr).stall();
    open();
    loop_.run(session_->wait_greeting(patient));
    loop_.run(session_->negotiate());
    EXPECT_EQ(call("one", Milliseconds(30)).kind, Kind::timed_out);
    EXPECT_EQ(loop_.run(session_->answers_out_of_band()), false);
    qemu_.release();
    ASSERT_TRUE(loop_.run_until([this] { return !events_.empty(); }));
    EXPECT_FALSE(session_->responsive()) << "only the monitor's own thread has answered";
}

// Of a batch that changes QEMU, half would be worse than none.
TEST_F(Session, SendsAllOfABatchOrNothingOfIt) {
    auto [client, server] = socket_pair();
    deadlines_.write = patient;
    open(std::move(client));
    std::vector<qmp::Command> many(qmp::Mux::default_capacity - 1, qmp::Command("many"));
    const auto first = loop_.start(session_->call_all(std::move(many), patient));
    std::string taken;
    const auto lines = [&] { return std::count(taken.begin(), taken.end(), '\n'); };
    const auto read_on = [&] {
        if (!wait_readable(server.get(), Deadline::after(Milliseconds(0)))) return;
        taken += receive(server.get(), soon())->bytes;
    };
    ASSERT_TRUE(loop_.run_until([&] {
        read_on();
        return lines() == static_cast<std::ptrdiff_t>(qmp::Mux::default_capacity) - 1;
    }));
    std::vector<qmp::Command> two(2, qmp::Command("change"));
    const auto answers = loop_.run(session_->call_all(std::move(two), patient));
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[0].kind, Kind::not_sent);
    EXPECT_EQ(answers[1].kind, Kind::not_sent);
    EXPECT_EQ(session_->cause(), nullptr) << "it is no lost connection";
    const auto last = start_call("last");
    ASSERT_TRUE(loop_.run_until([&] {
        read_on();
        return lines() == static_cast<std::ptrdiff_t>(qmp::Mux::default_capacity);
    }));
    EXPECT_EQ(taken.find("change"), std::string::npos);
    EXPECT_EQ(call("more").kind, Kind::not_sent);
    session_->close(Error(ErrorKind::internal, "the end"));
    EXPECT_EQ(call("after").kind, Kind::disconnected);
    ASSERT_TRUE(loop_.run_until([&] { return first->done && last->done; }));
}

}  // namespace
}  // namespace ivshmemd::test
