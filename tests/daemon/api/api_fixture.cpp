#include "tests/daemon/api/api_fixture.h"

#include "daemon/api/listen.h"
#include "proto/api/interface_text.h"
#include "proto/varlink/idl_parser.h"
#include "proto/varlink/type_check.h"
#include "tests/support/json_text.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

constexpr const char* prefix = "io.ivshmemd.Hotplug.";

std::string without_prefix(const std::string& name) {
    return name.starts_with(prefix) ? name.substr(std::string_view(prefix).size()) : "";
}

std::string last_part(const std::string& name) {
    return name.substr(name.rfind('.') + 1);
}

}  // namespace

std::string hotplug(const std::string& method) {
    return prefix + method;
}

ApiFixture::ApiFixture() {
    interface_ = *varlink::parse_interface(api::interface_text());
}

void ApiFixture::TearDown() {
    server_.stop_listening();
    server_.close_all();
    DaemonFixture::TearDown();
}

void ApiFixture::serve(bool start_vms) {
    std::string warning;
    Result<UniqueFd> listener = listen_for_clients(api_socket_, {}, warning);
    ASSERT_TRUE(listener) << listener.error().message;
    server_.start(std::move(*listener));
    if (start_vms) start();
}

ApiFixture::Client ApiFixture::connect() {
    FileDescriptor fd = connect_unix(api_socket_, soon());
    return {*this, std::move(fd)};
}

void ApiFixture::Client::send_raw(std::string_view bytes) {
    send_all(fd(), bytes, soon());
}

void ApiFixture::Client::send(const std::string& method, const json& parameters,
                              const json& extra) {
    json message = {{"method", method}, {"parameters", parameters}};
    if (extra.is_object()) message.update(extra);
    if (!message.value("oneway", false)) methods_.push_back(method);
    send_raw(message.dump() + '\0');
}

bool ApiFixture::Client::read_more(Deadline deadline) {
    const bool readable = fixture_.loop_.run_until(
        [this] { return wait_readable(fd(), Deadline::after(Milliseconds(0))); }, deadline);
    if (!readable) return false;
    const auto received = receive(fd(), soon());
    buffer_ += received->bytes;
    closed_ = received->bytes.empty();
    return !closed_;
}

json ApiFixture::Client::next(Deadline deadline) {
    std::size_t end = 0;
    while ((end = buffer_.find('\0')) == std::string::npos) {
        if (!read_more(deadline)) return nullptr;
    }
    json reply = parse_json(buffer_.substr(0, end));
    buffer_.erase(0, end + 1);
    compare_with_interface(reply);
    return reply;
}

void ApiFixture::Client::compare_with_interface(const json& reply) {
    std::string method = methods_.empty() ? "" : methods_.front();
    if (!methods_.empty() && !reply.contains("continues")) methods_.pop_front();
    const json parameters = member(reply, "parameters");
    const std::string error = reply.value("error", "");
    if (!without_prefix(error).empty()) {
        const auto* declared = varlink::find_error(fixture_.interface_, without_prefix(error));
        ASSERT_NE(declared, nullptr) << error;
        EXPECT_EQ(varlink::check(fixture_.interface_, declared->parameters, parameters),
                  std::nullopt)
            << reply;
    } else if (error.empty() && !without_prefix(method).empty()) {
        const auto* declared = varlink::find_method(fixture_.interface_, without_prefix(method));
        ASSERT_NE(declared, nullptr) << method;
        EXPECT_EQ(varlink::check(fixture_.interface_, declared->out, parameters), std::nullopt)
            << reply;
    }
}

json ApiFixture::Client::call(const std::string& method, const json& parameters) {
    send(method, parameters);
    return next();
}

std::string ApiFixture::Client::error_of(const std::string& method, const json& parameters) {
    const json reply = call(method, parameters);
    return reply.is_null() ? "no reply" : last_part(reply.value("error", ""));
}

bool ApiFixture::Client::is_closed(Deadline deadline) {
    while (!closed_ && read_more(deadline)) {
    }
    return closed_;
}

}  // namespace ivshmemd::test
