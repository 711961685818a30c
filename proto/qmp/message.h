#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "lib/version.h"
#include "proto/json.h"

// What QEMU says on a monitor. Unknown members are ignored: later QEMUs add some.

namespace ivshmemd::qmp {

/// The id that came back with a reply. QEMU returns whatever JSON value it was given; ours are
/// integers below 2^63, because QEMU turns larger ones into floating point.
struct ReplyId {
    enum class Kind {
        absent,   // none: QEMU could not read the command
        foreign,  // not one of ours: another type or out of range
        number,   // may be ours
    };
    Kind kind = Kind::absent;
    std::uint64_t number = 0;  // below 2^63

    bool operator==(const ReplyId&) const = default;
};

/// The first message of a connection, once no other client holds the monitor.
struct Greeting {
    Version version;
    std::string package;  // the distribution's version; may be empty
    bool oob = false;     // out-of-band commands can be enabled
};

struct Reply {
    ReplyId id;
    Document value;  // the returned value, never null (though it may be JSON's null)
};

struct ErrorReply {
    ReplyId id;               // absent: our bytes were not understood, and no call can be named
    std::string error_class;  // GenericError nearly always; CommandNotFound, DeviceNotFound
    std::string description;  // for people; changes between versions
};

struct Event {
    std::string name;
    Document data;  // an object; null when the event carries none
};

/// Not a QMP message. The connection cannot be trusted any more.
struct Malformed {
    std::string reason;  // printable, without the message's own bytes
};

using Message = std::variant<Greeting, Reply, ErrorReply, Event, Malformed>;

/// Reads one frame of the Framer: up to max_frame_bytes and 128 levels, no duplicate keys.
Message parse_message(std::string_view frame);

}  // namespace ivshmemd::qmp
