#include "tests/certification/certification_server.h"

#include <sys/socket.h>

#include <array>
#include <exception>
#include <numbers>

#include "proto/varlink/framing.h"
#include "tests/certification/interface_text.h"
#include "tests/support/unix_socket.h"

namespace ivshmemd::test {
namespace {

using nlohmann::json;

constexpr const char* client_id = "certified-client";
constexpr std::size_t more_replies = 10;

enum class Mode { plain, more, oneway };

/// A method, what the client has to send beside its id, and what it is answered.
struct Step {
    std::string_view method;
    json wants;
    std::vector<json> replies;
    Mode mode = Mode::plain;
};

std::vector<json> more_answers() {
    std::vector<json> replies;
    for (std::size_t i = 1; i <= more_replies; ++i) {
        replies.push_back({{"string", "Reply number " + std::to_string(i)}});
    }
    return replies;
}

json more_texts() {
    json texts = json::array();
    for (const json& reply : more_answers()) texts.push_back(reply["string"]);
    return texts;
}

const json mytype = json::parse(R"({
    "object": {"method": "org.varlink.certification.Test09",
               "parameters": {"map": {"foo": "Foo", "bar": "Bar"}}},
    "enum": "two",
    "struct": {"first": 1, "second": "2"},
    "array": ["one", "two", "three"],
    "dictionary": {"foo": "Foo", "bar": "Bar"},
    "stringset": {"one": {}, "two": {}, "three": {}},
    "interface": {"foo": [null, {"Foo": "foo", "Bar": "bar"}, null, {"one": "foo", "two": "bar"}],
                  "anon": {"foo": true, "bar": false}}})");

const json scalars = {
    {"bool", false}, {"int", 2}, {"float", std::numbers::pi}, {"string", "a lot of string"}};
const json map = {{"foo", "Foo"}, {"bar", "Bar"}};
const json set = {{"one", json::object()}, {"two", json::object()}, {"three", json::object()}};

const std::array steps{
    Step{"Start", json::object(), {{{"client_id", client_id}}}},
    Step{"Test01", json::object(), {{{"bool", true}}}},
    Step{"Test02", {{"bool", true}}, {{{"int", 1}}}},
    Step{"Test03", {{"int", 1}}, {{{"float", 1.0}}}},
    Step{"Test04", {{"float", 1.0}}, {{{"string", "ping"}}}},
    Step{"Test05", {{"string", "ping"}}, {scalars}},
    Step{"Test06", scalars, {{{"struct", scalars}}}},
    Step{"Test07", {{"struct", scalars}}, {{{"map", map}}}},
    Step{"Test08", {{"map", map}}, {{{"set", set}}}},
    Step{"Test09", {{"set", set}}, {{{"mytype", mytype}}}},
    Step{"Test10", {{"mytype", mytype}}, more_answers(), Mode::more},
    Step{"Test11", {{"last_more_replies", more_texts()}}, {}, Mode::oneway},
    Step{"End", json::object(), {{{"all_ok", true}}}},
};

const varlink::ServiceInfo service{
    "ivshmemd", "Certification", "1", "", {{certification_interface, certification_text}}};

Mode mode_of(const varlink::Call& call) {
    if (call.oneway) return Mode::oneway;
    return call.more ? Mode::more : Mode::plain;
}

std::string certification_error(std::string_view name, const json& parameters) {
    return varlink::encode_error(std::string(certification_interface) + "." + std::string(name),
                                 parameters);
}

void serve_client(int client, CertificationSession& session) {
    varlink::Framer framer;
    while (const auto received = receive(client, soon())) {
        if (received->bytes.empty()) return;
        framer.feed(received->bytes);
        while (const auto message = framer.next()) {
            send_all(client, session.answer(*message), soon());
        }
    }
}

}  // namespace

std::string CertificationSession::answer(std::string_view message) {
    const auto call = varlink::parse_call(message);
    if (!call) {
        complaint_ = call.error().reason;
        return "";
    }
    if (call->interface == varlink::service_interface) {
        const auto reply = varlink::answer(service, *call);
        return reply ? varlink::encode_reply(**reply) : varlink::encode_error(reply.error());
    }
    if (call->interface != certification_interface) {
        return varlink::encode_error(varlink::interface_not_found(call->interface));
    }
    return take_step(*call);
}

std::string CertificationSession::take_step(const varlink::Call& call) {
    if (next_ == steps.size()) return refuse(call, {});
    const Step& step = steps[next_];
    json got = *call.parameters;
    if (next_ > 0) {
        if (got.value("client_id", json()) != client_id) {
            return certification_error("ClientIdError", nullptr);
        }
        got.erase("client_id");
    }
    if (call.method != step.method || mode_of(call) != step.mode || got != step.wants) {
        return refuse(call, {{"method", step.method}, {"parameters", step.wants}});
    }
    ++next_;
    certified_ = next_ == steps.size() && complaint_.empty();
    std::string replies;
    for (std::size_t i = 0; i < step.replies.size(); ++i) {
        replies += varlink::encode_reply(step.replies[i], i + 1 < step.replies.size());
    }
    return replies;
}

std::string CertificationSession::refuse(const varlink::Call& call, const json& wants) {
    const json got = {{"method", call.method}, {"parameters", *call.parameters}};
    if (complaint_.empty()) complaint_ = "wanted " + wants.dump() + ", got " + got.dump();
    if (call.oneway) return "";
    return certification_error("CertificationError", {{"wants", wants}, {"got", got}});
}

CertificationServer::CertificationServer(const std::filesystem::path& socket)
    : listener_(bind_unix(socket, SOCK_STREAM)), thread_([this] { serve(); }) {}

CertificationServer::~CertificationServer() {
    if (thread_.joinable()) finish();
}

std::vector<CertificationSession> CertificationServer::finish() {
    ::shutdown(listener_.get(), SHUT_RDWR);  // wakes the thread
    thread_.join();
    return std::move(sessions_);
}

void CertificationServer::serve() {
    while (true) {
        const FileDescriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) return;
        try {
            serve_client(client.get(), sessions_.emplace_back());
        } catch (const std::exception&) {
            // It left too early: its session is not certified.
        }
    }
}

}  // namespace ivshmemd::test
