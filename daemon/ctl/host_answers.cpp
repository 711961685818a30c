#include "daemon/ctl/host_answers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"
#include "proto/api/interface_text.h"

namespace ivshmemd::ctl {
namespace {

constexpr int exit_not_runnable_there = 126;
constexpr int exit_not_found_there = 127;
constexpr int exit_of_ssh = 255;

// What a program of ours says, without its name.
std::string said_there(const std::string& text) {
    const std::string prefix = "ivshmemctl: ";
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

std::string because(const std::string& text) {
    return text.empty() ? "" : ": " + said_there(text);
}

Answer other_version(const std::string& host, const std::string& what) {
    return client_error("OtherVersion", what + "; is ivshmemd on " + host + " older than here?",
                        exit_unreachable);
}

}  // namespace

Answer host_failure(const std::string& host, const Tunnel::End& end) {
    switch (end.exit_code) {
        case exit_ok:
            return unreachable("the daemon on " + host + " closed the connection");
        case exit_usage:
            return other_version(
                host, "the ivshmemctl on " + host + " knows no bridge" + because(end.text));
        case exit_unreachable:
            return unreachable("on " + host + because(end.text));
        case exit_not_found_there:
        case exit_not_runnable_there:
            return client_error("BridgeMissing",
                                "there is no ivshmemctl to run on " + host + because(end.text) +
                                    "; is ivshmemd installed there?",
                                exit_unreachable);
        case exit_of_ssh:
            return client_error("HostUnreachable",
                                "cannot reach " + host + " with ssh" + because(end.text),
                                exit_unreachable);
        default:
            break;
    }
    if (end.exit_code == exit_code(ErrorKind::permission_denied)) {
        return client_error("org.varlink.service.PermissionDenied",
                            "on " + host + because(end.text), end.exit_code);
    }
    const std::string how =
        end.exit_code < 0 ? "" : ", with status " + std::to_string(end.exit_code);
    return client_error(
        "HostUnreachable",
        "the connection to " + host + " ended before an answer" + how + because(end.text),
        exit_unreachable);
}

Answer judge_greeting(const std::string& host, const Answer& greeting) {
    if (greeting.error == "BadReply") {
        return client_error("BadReply",
                            "on " + host + ": " + greeting.message +
                                "; a shell that prints something when it starts is in the way too",
                            greeting.exit_code);
    }
    if (!greeting) return greeting;
    for (const json& each : list_field(*greeting.parameters, "interfaces")) {
        if (each == api::interface_name) return greeting;
    }
    const json* info = greeting.parameters.get();
    return other_version(host, "what answers on " + host + ", '" + text_field(info, "product") +
                                   " " + text_field(info, "version") + "', has no " +
                                   std::string(api::interface_name));
}

}  // namespace ivshmemd::ctl
