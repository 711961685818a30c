#include <nlohmann/json.hpp>

#include "proto/varlink/idl_parser.h"
#include "proto/varlink/type_check.h"
#include "tests/fuzz/input.h"

namespace ivshmemd::test {

/// An interface that is taken can be used; one that is not is refused with its line.
FUZZ_TARGET(interface_text) {
    const Result<varlink::Interface> parsed = varlink::parse_interface(input);
    if (!parsed) {
        require(parsed.error().message.starts_with("line "));
        return;
    }
    for (const varlink::Method& method : parsed->methods) {
        require(varlink::find_method(*parsed, method.name) != nullptr);
        varlink::check(*parsed, method.in, nlohmann::json::object());
        varlink::check(*parsed, method.out, {{"a", 1}});
    }
}

}  // namespace ivshmemd::test
