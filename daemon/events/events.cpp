#include "daemon/events/events.h"

namespace ivshmemd {

std::string_view event_name(EventKind kind) {
    switch (kind) {
        case EventKind::vm_state:
            return "vmState";
        case EventKind::attaching:
            return "attaching";
        case EventKind::attached:
            return "attached";
        case EventKind::attach_doubtful:
            return "attachDoubtful";
        case EventKind::detaching:
            return "detaching";
        case EventKind::detached:
            return "detached";
        case EventKind::detach_refused:
            return "detachRefused";
        case EventKind::vanished:
            return "vanished";
        case EventKind::leaked:
            return "leaked";
        case EventKind::server_lost:
            return "serverLost";
        case EventKind::declared_failed:
            return "declaredFailed";
        case EventKind::migration:
            return "migration";
        case EventKind::lagged:
            return "lagged";
    }
    return "";
}

}  // namespace ivshmemd
