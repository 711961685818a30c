#include "daemon/ctl/answer.h"

#include <nlohmann/json.hpp>

#include "daemon/ctl/field.h"
#include "proto/api/interface_text.h"

namespace ivshmemd::ctl {
namespace {

Document object_or_empty(Document parameters) {
    if (as_object(parameters.get()) != nullptr) return parameters;
    return std::make_shared<const json>(json::object());
}

std::string_view without_interface(std::string_view qualified) {
    if (qualified.substr(0, api::interface_name.size()) != api::interface_name) return qualified;
    const std::string_view rest = qualified.substr(api::interface_name.size());
    return rest.size() > 1 && rest.front() == '.' ? rest.substr(1) : qualified;
}

constexpr std::string_view standard_interface = "org.varlink.service.";

// The standard errors carry no message; these are ours for them.
std::string standard_message(std::string_view name, const json& parameters) {
    if (name == "InvalidParameter") {
        return "the daemon does not accept parameter '" + text_field(&parameters, "parameter") +
               "'";
    }
    if (name == "PermissionDenied") return "permission denied";
    if (name == "MethodNotFound" || name == "InterfaceNotFound" || name == "MethodNotImplemented") {
        return "the daemon is too old, or too new, for this command; see 'ivshmemctl version'";
    }
    return {};
}

int exit_code_of(std::string_view ours, std::string_view qualified) {
    if (ours != qualified) return exit_code(kind_from_name(ours));
    if (qualified.substr(0, standard_interface.size()) != standard_interface) return exit_failure;
    return exit_code(kind_from_name(qualified.substr(standard_interface.size())));
}

}  // namespace

Answer success(Document parameters) {
    return {.error = {},
            .message = {},
            .exit_code = exit_ok,
            .parameters = object_or_empty(std::move(parameters))};
}

Answer daemon_error(std::string_view qualified, Document parameters) {
    const std::string_view ours = without_interface(qualified);
    Answer answer = success(std::move(parameters));
    answer.error = ours;
    answer.exit_code = exit_code_of(ours, qualified);
    if (ours == kind_name(ErrorKind::transaction_failed)) {
        const std::string first = text_field(answer.parameters.get(), "error");
        answer.exit_code = exit_code(kind_from_name(first));
    }
    answer.message = text_field(answer.parameters.get(), "message");
    if (!answer.message.empty()) return answer;
    if (qualified.substr(0, standard_interface.size()) == standard_interface) {
        answer.message =
            standard_message(qualified.substr(standard_interface.size()), *answer.parameters);
    }
    if (answer.message.empty()) answer.message = "the daemon answered " + answer.error;
    return answer;
}

Answer client_error(std::string name, std::string message, int exit_code,
                    std::vector<std::pair<std::string, std::string>> details) {
    json parameters = json::object();
    parameters["message"] = message;
    for (auto& [key, value] : details) parameters[key] = std::move(value);
    return {.error = std::move(name),
            .message = std::move(message),
            .exit_code = exit_code,
            .parameters = std::make_shared<const json>(std::move(parameters))};
}

Answer client_error(const Error& error) {
    return client_error(std::string(kind_name(error.kind)), error.message, exit_code(error.kind));
}

Answer usage_error(std::string message) {
    return client_error("Usage", std::move(message), exit_usage);
}

Answer unreachable(std::string message) {
    return client_error("DaemonUnreachable", std::move(message), exit_unreachable);
}

}  // namespace ivshmemd::ctl
