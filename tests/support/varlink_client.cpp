#include "tests/support/varlink_client.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/json_text.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

using nlohmann::json;

VarlinkClient::VarlinkClient(const std::filesystem::path& socket, Deadline deadline)
    : fd_(connect_unix(socket, deadline)) {}

void VarlinkClient::send(const std::string& method, const json& parameters, bool more) {
    json message{{"method", method}};
    if (!parameters.is_null()) message["parameters"] = parameters;
    if (more) message["more"] = true;
    send_raw(message.dump() + '\0');
}

void VarlinkClient::send_raw(std::string_view bytes) {
    send_all(fd_.get(), bytes, soon());
}

json VarlinkClient::next_reply(Deadline deadline) {
    for (;;) {
        if (const size_t end = buffer_.find('\0'); end != std::string::npos) {
            const std::string text = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            return parse_json(text);
        }
        const auto received = receive(fd_.get(), deadline);
        if (!received) throw std::runtime_error("Varlink: no reply before the deadline");
        if (received->bytes.empty()) throw std::runtime_error("Varlink: the service closed");
        buffer_ += received->bytes;
    }
}

json VarlinkClient::call(const std::string& method, const json& parameters, Deadline deadline) {
    send(method, parameters);
    return next_reply(deadline);
}

bool VarlinkClient::wait_closed(Deadline deadline) {
    while (const auto received = receive(fd_.get(), deadline)) {
        if (received->bytes.empty()) return true;
    }
    return false;
}

}  // namespace ivshmemd::test
