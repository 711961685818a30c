#include "daemon/ctl/client.h"

#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "daemon/ctl/connection.h"
#include "daemon/ctl/field.h"
#include "daemon/ctl/host_answers.h"
#include "proto/varlink/framing.h"
#include "proto/varlink/message.h"

namespace ivshmemd::ctl {
namespace {

using std::chrono::steady_clock;

constexpr int exit_of_no_ssh = 255;

// What to tell people whose request may or may not have been carried out.
std::string follow_up(const Address& address, const json& parameters) {
    const std::string vm = text_field(&parameters, "vm");
    const std::string program = address.program();
    return "see '" + program + " list " + vm + "', or '" + program + " events " + vm + "'";
}

Answer interrupted(const Address& address, const Wait& wait, const json& parameters) {
    std::string message = "interrupted";
    if (wait.changes_something) {
        message = "stopped waiting; the daemon carries on; " + follow_up(address, parameters);
    }
    return client_error("Interrupted", message, exit_interrupted);
}

Answer timed_out(const Address& address, const Wait& wait, const json& parameters) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait.deadline).count();
    std::string message = "no answer from the daemon within " + std::to_string(seconds) + " s";
    if (wait.changes_something) message += "; " + follow_up(address, parameters);
    return client_error("TimedOut", message, exit_code(ErrorKind::timed_out),
                        {{"outcome", wait.changes_something ? "unknown" : "undone"}});
}

Answer connection_lost(const Address& address, const Wait& wait, const json& parameters) {
    std::string message = "the daemon closed the connection without an answer";
    if (address.elsewhere()) message = "the connection to " + address.host + " was lost";
    if (wait.changes_something) message += "; " + follow_up(address, parameters);
    return unreachable(message);
}

Answer bad_reply(const std::string& reason) {
    return client_error("BadReply", "what answered is not this daemon, or broken: " + reason,
                        exit_failure);
}

// One request under way: bytes in, until there is an answer.
class Exchange {
  public:
    Exchange(const Address& address, const Wait& wait, const json& parameters)
        : address_(address), wait_(wait), parameters_(parameters) {}

    /// What ended it without an answer of the other side; else none.
    Stop stop() const { return stop_; }

    Answer run(Connection& connection, std::string_view call) {
        const Deadline deadline = steady_clock::now() + wait_.deadline;
        const Stop sent = connection.send(call, deadline);
        if (sent != Stop::none && sent != Stop::closed) return stopped(sent);
        while (true) {
            std::string bytes;
            const Stop stop = connection.receive(bytes, deadline);
            if (stop == Stop::tick) {
                if (wait_.tick) wait_.tick();
            } else if (stop != Stop::none) {
                return stopped(stop);
            }
            framer_.feed(bytes);
            if (auto answer = take_messages()) return *std::move(answer);
        }
    }

  private:
    std::optional<Answer> take_messages() {
        while (const auto text = framer_.next()) {
            if (auto answer = take(*text)) return answer;
        }
        if (framer_.too_long()) return bad_reply("a reply without an end");
        return std::nullopt;
    }

    std::optional<Answer> take(std::string_view text) {
        Result<varlink::Reply> reply = varlink::parse_reply(text);
        if (!reply) return bad_reply(reply.error().message);
        if (!reply->error.empty()) return daemon_error(reply->error, reply->parameters);
        if (!reply->continues) return success(reply->parameters);
        if (!wait_.more) return bad_reply("several replies where one was asked for");
        if (wait_.progress) wait_.progress(*reply->parameters);
        return std::nullopt;
    }

    Answer stopped(Stop stop) {
        stop_ = stop;
        if (stop == Stop::interrupted) return interrupted(address_, wait_, parameters_);
        if (stop == Stop::timed_out) return timed_out(address_, wait_, parameters_);
        return connection_lost(address_, wait_, parameters_);
    }

    const Address& address_;
    const Wait& wait_;
    const json& parameters_;
    Stop stop_ = Stop::none;
    varlink::Framer framer_{varlink::reply_limit};
};

}  // namespace

Answer not_connected(const Address& address, int error) {
    if (error == EINTR) return client_error("Interrupted", "interrupted", exit_interrupted);
    const std::string reason = std::generic_category().message(error);
    if (address.elsewhere()) return host_failure(address.host, {exit_of_no_ssh, reason});
    if (error == EACCES || error == EPERM) {
        return client_error("org.varlink.service.PermissionDenied",
                            "may not talk to the daemon at " + address.socket +
                                ": be root, or a member of the socket's group (ivshmem)",
                            exit_code(ErrorKind::permission_denied));
    }
    return unreachable("cannot reach the daemon at " + address.socket + ": " + reason +
                       "; is ivshmemd running?");
}

Answer call_daemon(const Address& address, std::string_view method, const json& parameters,
                   const Wait& wait) {
    return Line(address, wait.interrupt).call(method, parameters, wait);
}

Line::Line(Address address, int interrupt)
    : address_(std::move(address)), connection_(std::make_unique<Connection>(interrupt)) {}

Line::~Line() = default;

int Line::descriptor() const {
    return connection_->descriptor();
}

// How the other host's daemon introduces itself. Nothing was begun before, whatever fails.
Answer Line::connect(const Wait& wait) {
    const int error = connection_->connect(address_, steady_clock::now() + connect_deadline);
    if (error != 0) return not_connected(address_, error);
    if (!address_.elsewhere()) return success(nullptr);
    Wait greeting;
    greeting.deadline = host_deadline;
    greeting.tick = wait.tick;
    const json nothing = json::object();
    Exchange exchange(address_, greeting, nothing);
    const Answer answer = exchange.run(
        *connection_, varlink::encode_call("org.varlink.service.GetInfo", nothing, {}));
    if (exchange.stop() == Stop::closed) {
        return host_failure(address_.host, connection_->end_elsewhere());
    }
    if (exchange.stop() == Stop::timed_out) {
        return client_error("HostUnreachable", "no answer from " + address_.host + " through ssh",
                            exit_unreachable);
    }
    return judge_greeting(address_.host, answer);
}

Answer Line::call(std::string_view method, const json& parameters, const Wait& wait) {
    if (!connected_) {
        Answer connected = connect(wait);
        if (!connected) return connected;
        connected_ = true;
    }
    varlink::CallFlags flags;
    flags.more = wait.more;
    return Exchange(address_, wait, parameters)
        .run(*connection_, varlink::encode_call(method, parameters, flags));
}

}  // namespace ivshmemd::ctl
