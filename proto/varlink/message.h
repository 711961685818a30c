#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "lib/result.h"
#include "proto/json.h"
#include "proto/varlink/framing.h"

namespace ivshmemd::varlink {

#if BOOST_VERSION >= 109100
using ivshmemd::throw_exception_from_error;  // see lib/result.h
#endif

// One Varlink message: a call, or one of its replies. Parsers take the text without the NUL that
// ends it on the wire; encoders append that NUL.

/// Longest reply a client takes, in bytes.
inline constexpr std::size_t reply_limit = 16 * 1024 * 1024;

/// Levels of arrays and objects in a message, the message itself included.
inline constexpr int depth_limit = 64;

struct Call {
    std::string interface;  // all of "method" when that has no dot, and `method` is empty
    std::string method;     // what follows the last dot
    Document parameters;    // an object, never null
    bool oneway = false;    // nothing may be answered, not even an error
    bool more = false;      // several replies are welcome
    bool upgrade = false;   // the connection is to leave Varlink after the reply
};

/// Why a call cannot be handled.
struct CallFault {
    enum class Kind {
        violation,          // the peer does not speak Varlink: close its connection
        invalid_parameter,  // answer org.varlink.service.InvalidParameter and go on
    };
    Kind kind = Kind::violation;
    std::string reason;     // for the log; printable ASCII whatever the input was
    std::string parameter;  // invalid_parameter: the one to name
    bool oneway = false;    // invalid_parameter: the call wants no answer
};

/// Reads a call.
///
/// A violation: not one JSON object in UTF-8; longer than `limit`; no method; `parameters`
/// that is no object; a flag that is no boolean; oneway together with more; a member of the call
/// given twice or unknown, except for vendor fields, which have a reverse-domain name and are
/// ignored; a key with U+0000; nesting or U+0000 anywhere but in the parameters.
/// An invalid parameter: one given twice, with a key given twice inside it, nested too deep, or
/// with U+0000 in a string. Whether parameters suit the method is for check() in type_check.h.
boost::system::result<Call, CallFault> parse_call(std::string_view text,
                                                  std::size_t limit = request_limit);

struct Reply {
    Document parameters;     // an object, never null
    bool continues = false;  // more replies to the same call follow
    std::string error;       // qualified name; empty for success
};

/// Reads a reply. Error: what is wrong with it, as ErrorKind::internal; the connection is useless.
Result<Reply> parse_reply(std::string_view text);

struct CallFlags {
    bool more = false;
    bool oneway = false;
};

// Encoders. They throw for nothing in the values: bytes that are not UTF-8 become U+FFFD, and so
// does U+0000 in a reply. `parameters` is an object or null, which stands for an empty one.
std::string encode_call(std::string_view method, const json& parameters, CallFlags flags = {});
std::string encode_reply(const json& parameters, bool continues = false);
std::string encode_error(std::string_view qualified_name, const json& parameters);

}  // namespace ivshmemd::varlink
