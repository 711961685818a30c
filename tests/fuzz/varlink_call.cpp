#include <nlohmann/json.hpp>

#include "proto/api/interface_text.h"
#include "proto/api/values.h"
#include "proto/varlink/framing.h"
#include "proto/varlink/idl_parser.h"
#include "proto/varlink/message.h"
#include "proto/varlink/service.h"
#include "proto/varlink/type_check.h"
#include "tests/fuzz/input.h"

namespace ivshmemd::test {
namespace {

const varlink::Interface& interface() {
    static const varlink::Interface parsed = *varlink::parse_interface(api::interface_text());
    return parsed;
}

const varlink::ServiceInfo& info() {
    static const varlink::ServiceInfo service{
        "ivshmemd", "ivshmemd", "0", "", {{api::interface_name, api::interface_text()}}};
    return service;
}

void answer(const varlink::Call& call) {
    require(call.parameters && call.parameters->is_object());
    if (call.interface == varlink::service_interface) {
        const auto reply = varlink::answer(info(), call);
        if (reply) require(!varlink::encode_reply(**reply).empty());
        return;
    }
    const varlink::Method* method = varlink::find_method(interface(), call.method);
    if (!method) return;
    if (varlink::check(interface(), method->in, *call.parameters, varlink::EmptyStrings::refused)) {
        return;
    }
    // What the interface lets through can be read by whoever answers it, or is refused in words.
    if (call.method == "Attach") {
        const auto request = api::read_device_request(*call.parameters);
        if (!request) require(!request.error().message.empty());
    }
    api::read_timeout_ms(*call.parameters, 1);
}

}  // namespace

FUZZ_TARGET(varlink_call) {
    varlink::Framer framer(2048);
    framer.feed(input);
    framer.feed(std::string_view("\0", 1));
    while (const auto message = framer.next()) {
        const auto call = varlink::parse_call(*message);
        if (call) {
            answer(*call);
        } else {
            require(!call.error().reason.empty());
        }
    }
}

}  // namespace ivshmemd::test
