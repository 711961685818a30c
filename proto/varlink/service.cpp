#include "proto/varlink/service.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "proto/varlink/idl_parser.h"
#include "proto/varlink/type_check.h"

namespace ivshmemd::varlink {
namespace {

constexpr std::string_view text =
    R"(# Every Varlink service offers this interface. It tells what the service is and what it can do.
interface org.varlink.service

# Tells who made the service, and which interfaces it offers.
method GetInfo() -> (
  # Who made it.
  vendor: string,
  # What it is.
  product: string,
  # Which version of it.
  version: string,
  # Where to read more about it.
  url: string,
  # Names of the interfaces it offers.
  interfaces: []string
)

# Hands out the text of an interface.
method GetInterfaceDescription(
  # Name of the interface.
  interface: string
) -> (
  # Its text, in the Varlink interface language.
  description: string
)

# The service does not offer this interface.
error InterfaceNotFound (interface: string)

# The interface has no such method.
error MethodNotFound (method: string)

# The interface has the method, the service does not.
error MethodNotImplemented (method: string)

# A parameter is unknown, missing, wrongly typed, or has a value that is not allowed.
error InvalidParameter (
  # Which parameter it is.
  parameter: string,
  # What is wrong with it, for people. Not every service says so.
  message: ?string
)

# The caller may not do this.
error PermissionDenied (
  # Why not, for people. Not every service says so.
  message: ?string
)

# The method answers only calls with the flag "more".
error ExpectedMore ()
)";

const Interface& parsed_interface() {
    static const Interface parsed = *parse_interface(text);
    return parsed;
}

Document share(json value) {
    return std::make_shared<const json>(std::move(value));
}

ErrorReply error_with(std::string_view name, std::string_view field, std::string_view value,
                      std::string_view message = {}) {
    json parameters = json::object();
    if (!field.empty()) parameters.emplace(field, value);
    if (!message.empty()) parameters.emplace("message", message);
    return {std::string(name), share(std::move(parameters))};
}

}  // namespace

std::string_view service_interface_text() {
    return text;
}

ErrorReply interface_not_found(std::string_view interface) {
    return error_with(interface_not_found_name, "interface", interface);
}

ErrorReply method_not_found(std::string_view method) {
    return error_with(method_not_found_name, "method", method);
}

ErrorReply method_not_implemented(std::string_view method) {
    return error_with(method_not_implemented_name, "method", method);
}

ErrorReply invalid_parameter(std::string_view parameter, std::string_view message) {
    return error_with(invalid_parameter_name, "parameter", parameter, message);
}

ErrorReply permission_denied(std::string_view message) {
    return error_with(permission_denied_name, {}, {}, message);
}

ErrorReply expected_more() {
    return error_with(expected_more_name, {}, {});
}

std::string encode_error(const ErrorReply& error) {
    return encode_error(error.name, *error.parameters);
}

Document get_info(const ServiceInfo& service) {
    json interfaces = json::array({service_interface});
    for (const PublishedInterface& each : service.interfaces) interfaces.push_back(each.name);
    return share({{"vendor", service.vendor},
                  {"product", service.product},
                  {"version", service.version},
                  {"url", service.url},
                  {"interfaces", std::move(interfaces)}});
}

Document get_interface_description(const ServiceInfo& service, std::string_view interface) {
    if (interface == service_interface) return share({{"description", text}});
    for (const PublishedInterface& each : service.interfaces) {
        if (each.name == interface) return share({{"description", each.text}});
    }
    return nullptr;
}

boost::system::result<Document, ErrorReply> answer(const ServiceInfo& service, const Call& call) {
    const Method* method = find_method(parsed_interface(), call.method);
    if (!method) return method_not_found(call.method);
    const auto offence =
        check(parsed_interface(), method->in, *call.parameters, EmptyStrings::refused);
    if (offence) return invalid_parameter(*offence);
    if (call.method == "GetInfo") return get_info(service);
    const std::string& interface = *as_string(find(*call.parameters, "interface"));
    Document description = get_interface_description(service, interface);
    if (!description) return interface_not_found(interface);
    return description;
}

}  // namespace ivshmemd::varlink
