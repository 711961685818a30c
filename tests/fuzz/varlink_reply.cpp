#include <nlohmann/json.hpp>

#include "proto/varlink/message.h"
#include "tests/fuzz/input.h"

namespace ivshmemd::test {

/// What was read can be said again, and means the same.
FUZZ_TARGET(varlink_reply) {
    const Result<varlink::Reply> reply = varlink::parse_reply(input);
    if (!reply) return;
    require(reply->parameters && reply->parameters->is_object());
    if (!reply->error.empty()) return;
    std::string again = varlink::encode_reply(*reply->parameters, reply->continues);
    again.pop_back();  // its NUL
    const Result<varlink::Reply> second = varlink::parse_reply(again);
    require(second && second->continues == reply->continues);
}

}  // namespace ivshmemd::test
