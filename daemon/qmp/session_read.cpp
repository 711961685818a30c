#include <array>

#include "daemon/qmp/session.h"

// What comes in.
namespace ivshmemd::qmp {
namespace {

// To parse this much takes about a millisecond.
constexpr std::size_t long_message = std::size_t{64} << 10;  // bytes

}  // namespace

awaitable<Error> Session::run() {
    boost::system::error_code error;
    socket_.non_blocking(true, error);
    while (!cause()) {
        // Only then is there a buffer: one for each idle VM would be much of what it costs.
        const auto [failed] = co_await socket_.async_wait(Socket::wait_read, as_result);
        error = failed ? failed : read_some();
        if (error) {
            lose(error == boost::asio::error::eof
                     ? "QEMU closed the monitor connection"
                     : "the monitor connection failed: " + error.message());
            break;
        }
        co_await take_frames();
    }
    co_return *cause();
}

boost::system::error_code Session::read_some() {
    std::array<char, 16 * 1024> buffer;
    boost::system::error_code error;
    const std::size_t count = socket_.read_some(boost::asio::buffer(buffer), error);
    framer_.feed(std::string_view(buffer.data(), count));
    const bool early = error == boost::asio::error::would_block;
    return early ? boost::system::error_code() : error;
}

awaitable<void> Session::take_frames() {
    while (!cause()) {
        std::optional<std::string> frame = framer_.next();
        if (!frame) break;
        if (!handlers_.parser || frame->size() < long_message) {
            take(parse_message(*frame));
            continue;
        }
        // This monitor waits for it, in order, and no other.
        auto parse = [text = std::move(*frame)] { return parse_message(text); };
        const Message message = co_await handlers_.parser->run(std::move(parse));
        take(message);
    }
    if (cause()) co_return;
    if (framer_.fault() == Framer::Fault::overflow) {
        lose("QEMU sends a message of more than " + std::to_string(max_frame_bytes) + " bytes");
    } else if (framer_.fault() != Framer::Fault::none) {
        lose("the monitor does not speak QMP: not a sequence of JSON objects");
    }
}

}  // namespace ivshmemd::qmp
