#pragma once

#include <string>

#include "proto/json.h"
#include "proto/qmp/message.h"

namespace ivshmemd::qmp {

/// What came of one command.
struct Answer {
    enum class Kind {
        value,         // QEMU did it
        refused,       // QEMU answered with an error
        timed_out,     // silence: it may have been done, or be done later
        disconnected,  // the connection ended: likewise
        not_sent,      // too many are unanswered already: QEMU has not heard of it
    };

    Kind kind = Kind::timed_out;
    Document value;    // kind value
    ErrorReply error;  // kind refused

    bool ok() const { return kind == Kind::value; }
    /// The returned value, or null.
    const json* get() const { return ok() ? value.get() : nullptr; }
};

}  // namespace ivshmemd::qmp
