#include "tests/support/qmp_client.h"

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "tests/support/json_text.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {

using nlohmann::json;

QmpClient::QmpClient(const std::filesystem::path& socket, Deadline deadline)
    : fd_(connect_unix(socket, deadline)) {
    greeting_.push_back(next_message(deadline));
    if (!greeting().contains("QMP")) throw std::runtime_error("no greeting: " + greeting().dump());
    call("qmp_capabilities");
}

QmpClient::~QmpClient() = default;

json QmpClient::execute(const std::string& command, const json& arguments, Deadline deadline) {
    return send(command, arguments, -1, deadline);
}

json QmpClient::execute(const std::string& command) {
    return execute(command, json::object());
}

json QmpClient::call(const std::string& command, const json& arguments) {
    const json reply = execute(command, arguments);
    if (!reply.contains("return")) {
        throw std::runtime_error(command + " " + arguments.dump() + ": " + reply.dump());
    }
    return member(reply, "return");
}

json QmpClient::call(const std::string& command) {
    return call(command, json::object());
}

json QmpClient::execute_with_fd(const std::string& command, const json& arguments, int fd) {
    return send(command, arguments, fd, soon());
}

json QmpClient::send(const std::string& command, const json& arguments, int fd, Deadline deadline) {
    const int id = ++last_id_;
    json request{{"execute", command}, {"id", id}};
    if (!arguments.empty()) request["arguments"] = arguments;
    send_all(fd_.get(), request.dump() + "\n", deadline, fd);
    return wait_reply(id, deadline);
}

void QmpClient::call_together(const std::vector<std::pair<std::string, json>>& commands) {
    std::string bytes;
    const int first = last_id_ + 1;
    for (const auto& [command, arguments] : commands) {
        bytes += json({{"execute", command}, {"arguments", arguments}, {"id", ++last_id_}}).dump();
    }
    send_all(fd_.get(), bytes, soon());
    for (int id = first; id <= last_id_; ++id) {
        const json reply = wait_reply(id, soon());
        if (!reply.contains("return")) throw std::runtime_error(reply.dump());
    }
}

json QmpClient::wait_reply(int id, Deadline deadline) {
    for (;;) {
        json message = next_message(deadline);
        if (message.contains("event")) {
            events_.push_back(std::move(message));
        } else if (member(message, "id") == id) {
            return message;
        }
    }
}

json QmpClient::wait_event(const std::string& name, Deadline deadline, const Match& match) {
    const auto wanted = [&](const json& event) {
        return member(event, "event") == name && (!match || match(member(event, "data")));
    };
    for (auto event = events_.begin(); event != events_.end(); ++event) {
        if (!wanted(*event)) continue;
        json found = std::move(*event);
        events_.erase(event);
        return found;
    }
    for (;;) {
        json message = next_message(deadline);
        if (wanted(message)) return message;
        if (message.contains("event")) events_.push_back(std::move(message));
    }
}

int QmpClient::version() const {
    const json qemu = member(member(member(greeting(), "QMP"), "version"), "qemu");
    return 1000 * qemu.value("major", 0) + qemu.value("minor", 0);
}

json QmpClient::next_message(Deadline deadline) {
    for (;;) {
        if (const auto text = take_object(buffer_)) return parse_json(*text);
        const auto received = receive(fd_.get(), deadline);
        if (!received) throw std::runtime_error("QMP: nothing came before the deadline");
        if (received->bytes.empty()) throw std::runtime_error("QMP: QEMU closed the connection");
        buffer_ += received->bytes;
    }
}

}  // namespace ivshmemd::test
