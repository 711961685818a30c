#include <sys/mman.h>
#include <sys/stat.h>

#include <thread>

#include "daemon/qmp/session.h"
#include "tests/daemon/qmp/session_fixture.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

using qmp::Answer;
using Kind = qmp::Answer::Kind;

class SessionEnd : public SessionFixture {};

TEST_F(SessionEnd, EndsEveryWaiterWithOneCauseThatIsKept) {
    qemu_.greet().expect("one").expect("two").close();
    open();
    const auto one = start_call("one");
    const auto two = start_call("two");
    ASSERT_TRUE(loop_.run_until([&] { return one->done && two->done; }));
    EXPECT_EQ(one->take().kind, Kind::disconnected);
    EXPECT_EQ(two->take().kind, Kind::disconnected);
    ASSERT_NE(wait_end(), nullptr);
    const Error first = *session_->cause();
    EXPECT_EQ(first.kind, ErrorKind::vm_unavailable);
    EXPECT_NE(first.message.find("closed"), std::string::npos) << first.message;
    session_->close(Error(ErrorKind::internal, "later"));
    EXPECT_EQ(*session_->cause(), first);
    EXPECT_EQ(end_->take(), first);
}

TEST_F(SessionEnd, RefusesCallsAtOnce) {
    qemu_.greet().close();
    open();
    ASSERT_NE(wait_end(), nullptr);
    EXPECT_EQ(call("one").kind, Kind::disconnected);
    std::vector<qmp::Command> commands{qmp::Command("one"), qmp::Command("two")};
    const auto answers = loop_.run(session_->call_all(std::move(commands), patient));
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[1].kind, Kind::disconnected);
    EXPECT_TRUE(qemu_.commands().empty());
}

TEST_F(SessionEnd, KeepsAReplyThatCameJustBeforeTheEnd) {
    qemu_.greet().expect("one").reply(1).close();
    open();
    const Answer answer = call("one");
    EXPECT_EQ(answer.kind, Kind::value);
    EXPECT_NE(wait_end(), nullptr);
}

TEST_F(SessionEnd, ClosesOnAnErrorThatNamesNoCommand) {
    qemu_.greet().expect("one").inject(
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}");
    open();
    EXPECT_EQ(call("one").kind, Kind::disconnected);
    ASSERT_NE(wait_end(), nullptr);
    EXPECT_NE(session_->cause()->message.find("JSON parse error"), std::string::npos);
}

TEST_F(SessionEnd, ClosesOnWhatIsNotQmp) {
    for (const char* bytes : {"HTTP/1.1 400\r\n\r\n", "[1]", "{\"what\": 1}", "{\"return\": }"}) {
        FakeQemu other;
        other.inject(bytes).stall();
        open(other.connect());
        const Error* cause = wait_end();
        ASSERT_NE(cause, nullptr) << bytes;
        EXPECT_NE(cause->message.find("does not speak QMP"), std::string::npos) << cause->message;
    }
}

TEST_F(SessionEnd, ClosesOnAQemuThatTakesNoBytes) {
    auto [client, server] = socket_pair();
    open(std::move(client));
    const json padding = {{"text", std::string(4 << 20, 'x')}};
    qmp::Command command("big", padding);
    const auto begin = SteadyClock::now();
    const auto pending = loop_.start(session_->call(std::move(command), patient));
    ASSERT_TRUE(loop_.run_until([&] { return pending->done; }));
    EXPECT_EQ(pending->take().kind, Kind::disconnected);
    EXPECT_GE(SteadyClock::now() - begin, deadlines_.write);
    EXPECT_NE(session_->cause()->message.find("takes no bytes"), std::string::npos);
}

// The deadline is for QEMU, not for a daemon that was stopped (SIGSTOP) while QEMU took its bytes.
TEST_F(SessionEnd, GoesOnWhenTheDeadlinePassesBesideRoomForMoreBytes) {
    auto [client, server] = socket_pair();
    open(std::move(client));
    const json padding = {{"text", std::string(4 << 20, 'x')}};
    qmp::Command command("big", padding);
    const auto pending = loop_.start(session_->call(std::move(command), patient));
    loop_.run_for(deadlines_.write / 3);
    // All of it: a socket that is half full has no room to speak of.
    while (wait_readable(server.get(), Deadline::after(Milliseconds(0)))) {
        receive(server.get(), soon());
    }
    std::this_thread::sleep_for(deadlines_.write);
    loop_.run_for(deadlines_.write / 3);
    EXPECT_EQ(session_->cause(), nullptr);
}

TEST_F(SessionEnd, SurvivesAPeerThatClosesWhileBytesWaitToBeSent) {
    auto [client, server] = socket_pair();
    open(std::move(client));
    const json padding = {{"text", std::string(4 << 20, 'x')}};
    qmp::Command big("big", padding);
    const auto one = loop_.start(session_->call(std::move(big), patient));
    const auto two = start_call("two");
    loop_.run_ready();
    server.reset();
    ASSERT_TRUE(loop_.run_until([&] { return one->done && two->done; }));
    EXPECT_EQ(one->take().kind, Kind::disconnected);
    EXPECT_EQ(two->take().kind, Kind::disconnected);
}

TEST_F(SessionEnd, SurvivesAPeerThatClosedBeforeACall) {
    auto [client, server] = socket_pair();
    open(std::move(client));
    server.reset();
    EXPECT_EQ(call("one").kind, Kind::disconnected);
    EXPECT_NE(wait_end(), nullptr);
}

TEST_F(SessionEnd, SendsALongCommandInPiecesToASlowReader) {
    auto [client, server] = socket_pair();
    open(std::move(client));
    const std::string text(4 << 20, 'x');
    const json padding = {{"text", text}};
    qmp::Command command("big", padding);
    const auto pending = loop_.start(session_->call(std::move(command), patient));
    std::string taken;
    const bool whole = loop_.run_until([&, fd = server.get()] {
        if (!wait_readable(fd, Deadline::after(Milliseconds(0)))) return false;
        taken += receive(fd, soon())->bytes;
        return taken.size() > text.size() && taken.ends_with("\n");
    });
    ASSERT_TRUE(whole);
    EXPECT_EQ(json::parse(taken)["arguments"]["text"], text);
    send_all(server.get(), "{\"return\": 1, \"id\": 1}", soon());
    ASSERT_TRUE(loop_.run_until([&] { return pending->done; }));
    EXPECT_TRUE(pending->take().ok());
}

TEST_F(SessionEnd, PassesADescriptorWithItsCommand) {
    qemu_.greet().expect("getfd").reply(json::object());
    open();
    UniqueFd file(::memfd_create("passed", MFD_CLOEXEC));
    struct stat ours {};
    ASSERT_EQ(::fstat(file.get(), &ours), 0);
    std::vector<qmp::Command> commands{qmp::Command("getfd", json({{"fdname", "f"}}))};
    const auto pending =
        loop_.start(session_->call_all(std::move(commands), patient, std::move(file)));
    ASSERT_TRUE(loop_.run_until([&] { return pending->done; }));
    EXPECT_TRUE(pending->take()[0].ok());
    const std::vector<FileDescriptor> fds = qemu_.take_received_fds();
    ASSERT_EQ(fds.size(), 1u);
    struct stat theirs {};
    ASSERT_EQ(::fstat(fds[0].get(), &theirs), 0);
    EXPECT_EQ(theirs.st_ino, ours.st_ino);
    EXPECT_EQ(theirs.st_dev, ours.st_dev);
}

// QEMU reads ahead of its commands in another thread, where whatever comes may meet a descriptor
// that is just being taken.
TEST_F(SessionEnd, SendsNothingBehindADescriptorUntilItIsTaken) {
    auto [client, server] = socket_pair();
    open(std::move(client));
    std::string taken;
    std::size_t fds = 0;
    const auto take = [&, fd = server.get()] {
        if (!wait_readable(fd, Deadline::after(Milliseconds(0)))) return;
        auto received = receive(fd, soon());
        taken += received->bytes;
        fds += received->fds.size();
    };
    const auto has = [&](const char* text) {
        return [&, text] {
            take();
            return taken.find(text) != std::string::npos;
        };
    };
    const auto pass = [this](const char* name) {
        std::vector<qmp::Command> commands{qmp::Command("getfd", json({{"fdname", name}})),
                                           qmp::Command(std::string("after-") + name)};
        return loop_.start(session_->call_all(std::move(commands), patient,
                                              UniqueFd(::memfd_create(name, MFD_CLOEXEC))));
    };
    const auto first = pass("first");
    const auto second = pass("second");
    qmp::Command status("query-status");
    const auto question = loop_.start(session_->call(std::move(status), patient));
    ASSERT_TRUE(loop_.run_until(has("first")));
    loop_.run_ready();
    take();
    EXPECT_TRUE(json::accept(taken)) << "one command: " << taken;
    EXPECT_EQ(taken.back(), '}') << "and not a byte behind it";
    EXPECT_EQ(fds, 1u);
    send_all(server.get(), "{\"return\": {}, \"id\": 1}", soon());
    ASSERT_TRUE(loop_.run_until(has("second")));
    EXPECT_NE(taken.find("after-first"), std::string::npos);
    EXPECT_EQ(taken.find("after-second"), std::string::npos);
    EXPECT_EQ(taken.find("query-status"), std::string::npos);
    EXPECT_EQ(taken.back(), '}');
    EXPECT_EQ(fds, 2u);
    send_all(server.get(), "{\"return\": {}, \"id\": 2}{\"return\": {}, \"id\": 3}", soon());
    ASSERT_TRUE(loop_.run_until(has("query-status")));
    EXPECT_NE(taken.find("after-second"), std::string::npos);
    send_all(server.get(), "{\"return\": {}, \"id\": 4}{\"return\": {}, \"id\": 5}", soon());
    EXPECT_TRUE(loop_.run_until([&] { return first->done && second->done && question->done; }));
}

TEST_F(SessionEnd, TakesAReplyOfSixteenMebibytesAndNoMore) {
    const std::string frame = R"({"id": 1, "return": ")";
    const std::string text(qmp::max_frame_bytes - frame.size() - 2, 'y');
    qemu_.greet().expect("one").inject(frame + text + "\"}").expect("two");
    qemu_.inject(R"({"id": 2, "return": ")" + text + "xx\"}").stall();
    open();
    const Answer answer = call("one");
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer.get()->get_ref<const std::string&>().size(), text.size());
    EXPECT_EQ(call("two").kind, Kind::disconnected);
}

}  // namespace
}  // namespace ivshmemd::test
