#include "tests/daemon/qmp/session_fixture.h"

namespace ivshmemd::test {

SessionFixture::SessionFixture() {
    deadlines_.query = Milliseconds(5000);
    deadlines_.write = Milliseconds(150);
    deadlines_.out_of_band = Milliseconds(100);
}

void SessionFixture::TearDown() {
    if (session_) session_->close(Error(ErrorKind::internal, "the test is over"));
    EXPECT_TRUE(loop_.run_out()) << "a coroutine outlived its session";
}

void SessionFixture::open(FileDescriptor client) {
    qmp::Session::Socket socket(loop_.executor(), boost::asio::local::stream_protocol(),
                                client.release());
    qmp::Session::Handlers handlers;
    handlers.event = [this](const qmp::Event& event) { events_.push_back(event.name); };
    handlers.responsive = [this](bool responsive) { responsive_.push_back(responsive); };
    handlers.parser = &parser_;
    session_ = std::make_shared<qmp::Session>(std::move(socket), deadlines_, std::move(handlers));
    end_ = loop_.start(session_->run());
}

std::shared_ptr<Loop::Pending<qmp::Answer>> SessionFixture::start_call(const std::string& name,
                                                                       Milliseconds deadline) {
    qmp::Command command(name);
    return loop_.start(session_->call(std::move(command), deadline));
}

qmp::Answer SessionFixture::call(const std::string& name, Milliseconds deadline) {
    const auto pending = start_call(name, deadline);
    EXPECT_TRUE(loop_.run_until([&] { return pending->done; })) << name << " does not return";
    return pending->done ? pending->take() : qmp::Answer{};
}

const Error* SessionFixture::wait_end() {
    loop_.run_until([this] { return end_->done; });
    return session_->cause();
}

}  // namespace ivshmemd::test
