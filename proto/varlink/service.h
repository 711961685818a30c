#pragma once

#include <boost/system/result.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "proto/json.h"
#include "proto/varlink/message.h"

namespace ivshmemd::varlink {

// org.varlink.service: what every Varlink service says about itself, and the errors it shares with
// all others.

inline constexpr std::string_view service_interface = "org.varlink.service";

/// The text of that interface, as GetInterfaceDescription hands it out.
std::string_view service_interface_text();

// The standard errors, by their qualified names.
inline constexpr std::string_view interface_not_found_name =
    "org.varlink.service.InterfaceNotFound";
inline constexpr std::string_view method_not_found_name = "org.varlink.service.MethodNotFound";
inline constexpr std::string_view method_not_implemented_name =
    "org.varlink.service.MethodNotImplemented";
inline constexpr std::string_view invalid_parameter_name = "org.varlink.service.InvalidParameter";
inline constexpr std::string_view permission_denied_name = "org.varlink.service.PermissionDenied";
inline constexpr std::string_view expected_more_name = "org.varlink.service.ExpectedMore";

struct ErrorReply {
    std::string name;     // qualified
    Document parameters;  // an object, never null
};

/// `method` is the bare name, without its interface.
ErrorReply interface_not_found(std::string_view interface);
ErrorReply method_not_found(std::string_view method);
ErrorReply method_not_implemented(std::string_view method);
ErrorReply expected_more();

/// These two may explain themselves: a `message` is added to the standard parameters unless empty.
ErrorReply invalid_parameter(std::string_view parameter, std::string_view message = {});
ErrorReply permission_denied(std::string_view message = {});

std::string encode_error(const ErrorReply& error);

/// An interface the service offers besides org.varlink.service.
struct PublishedInterface {
    std::string_view name;
    std::string_view text;
};

struct ServiceInfo {
    std::string vendor;
    std::string product;
    std::string version;
    std::string url;
    std::vector<PublishedInterface> interfaces;
};

/// The reply to GetInfo. org.varlink.service is always the first of its interfaces.
Document get_info(const ServiceInfo& service);

/// The reply to GetInterfaceDescription; null when the service has no such interface.
Document get_interface_description(const ServiceInfo& service, std::string_view interface);

/// Answers a call whose interface is org.varlink.service.
boost::system::result<Document, ErrorReply> answer(const ServiceInfo& service, const Call& call);

}  // namespace ivshmemd::varlink
