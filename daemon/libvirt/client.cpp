#include "daemon/libvirt/client.h"

#include <array>
#include <boost/asio/write.hpp>
#include <cerrno>

#include "daemon/base/fd_passing.h"
#include "daemon/base/log.h"
#include "daemon/libvirt/allowed.h"

namespace ivshmemd::libvirt {
namespace {

constexpr std::size_t most_descriptors = 16;                // that wait for their command
constexpr std::size_t most_unsent = std::size_t{16} << 20;  // bytes
constexpr std::size_t read_size = std::size_t{16} << 10;

}  // namespace

awaitable<void> Client::serve(std::string greeting) {
    const auto self = shared_from_this();
    send(std::move(greeting));
    while (!ended_) {
        const bool more = co_await read_more();
        if (!more) break;
        co_await take_frames();
    }
    end();
}

awaitable<bool> Client::read_more() {
    const auto [error] = co_await socket_.async_wait(Socket::wait_read, as_result);
    if (error || ended_) co_return false;
    std::array<char, read_size> buffer{};
    ReceivedBytes received =
        receive_with_fds(socket_.native_handle(), buffer.data(), buffer.size());
    for (UniqueFd& fd : received.fds) {
        if (descriptors_.size() < most_descriptors) descriptors_.push_back(std::move(fd));
    }
    if (received.count < 0) co_return errno == EAGAIN || errno == EINTR;
    framer_.feed(std::string_view(buffer.data(), static_cast<std::size_t>(received.count)));
    co_return received.count > 0;
}

awaitable<void> Client::take_frames() {
    while (!ended_) {
        std::optional<std::string> frame = framer_.next();
        if (!frame) break;
        co_await answer(std::move(*frame));
    }
    if (ended_ || framer_.fault() == qmp::Framer::Fault::none) co_return;
    const bool long_one = framer_.fault() == qmp::Framer::Fault::overflow;
    const std::string why =
        long_one ? "a command of more than " + std::to_string(longest_command) + " bytes"
                 : "something that is no JSON object";
    log_warning({vm_, ": a client sends ", why, "; hanging up"}, {{"VM", vm_}});
    // Said at once: what comes after it cannot be read.
    const std::string line = error_line("GenericError", "ivshmemd-libvirt takes no " + why, "");
    send_with_fd(socket_.native_handle(), line, -1);
    end();
}

awaitable<void> Client::answer(std::string frame) {
    Request request = conversation_.take(frame);
    if (!request.refused.empty()) {
        log_warning({vm_, ": refused: ", request.refused}, {{"VM", vm_}});
    }
    if (!request.answer.empty()) {
        send(std::move(request.answer));
        co_return;
    }
    UniqueFd fd;
    if (takes_descriptor(request.name)) fd = next_descriptor();
    std::optional<std::string> line = co_await forward_(std::move(request), std::move(fd));
    if (ended_) co_return;
    if (line) {
        send(std::move(*line));
    } else {
        end();
    }
}

UniqueFd Client::next_descriptor() {
    if (descriptors_.empty()) return {};
    UniqueFd fd = std::move(descriptors_.front());
    descriptors_.pop_front();
    return fd;
}

void Client::tell(const std::string& event_line) {
    if (conversation_.negotiated()) send(event_line);
}

void Client::send(std::string line) {
    if (ended_) return;
    unsent_ += line.size();
    if (unsent_ > most_unsent) {
        log_warning({vm_, ": a client does not read; hanging up"}, {{"VM", vm_}});
        return end();
    }
    outbox_.push_back(std::move(line));
    if (writing_) return;
    writing_ = true;
    spawn(socket_.get_executor(), "writer", write());
}

awaitable<void> Client::write() {
    const auto self = shared_from_this();
    while (!outbox_.empty() && !ended_) {
        const std::string line = std::move(outbox_.front());
        outbox_.pop_front();
        const auto [error, count] =
            co_await boost::asio::async_write(socket_, boost::asio::buffer(line), as_result);
        unsent_ -= line.size();
        if (error) end();
    }
    writing_ = false;
}

void Client::end() {
    ended_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
}

}  // namespace ivshmemd::libvirt
