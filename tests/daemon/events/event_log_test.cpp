#include "daemon/events/event_log.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

// What the log says of an event.

namespace ivshmemd::test {
namespace {

Event event(EventKind kind, const std::string& detail = "") {
    return {.kind = kind, .vm = "web", .device = "shm0", .detail = detail};
}

std::vector<EventKind> logged_kinds() {
    std::vector<EventKind> kinds;
    for (int kind = 0; kind < static_cast<int>(EventKind::lagged); ++kind) {
        kinds.push_back(static_cast<EventKind>(kind));
    }
    return kinds;
}

TEST(EventLog, GivesEachKindItsOwnMessageId) {
    std::set<std::string_view> ids;
    for (const EventKind kind : logged_kinds()) {
        const std::string_view id = message_id(kind);
        EXPECT_EQ(id.size(), 32U) << event_name(kind);
        EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), id.npos) << event_name(kind);
        ids.insert(id);
    }
    EXPECT_EQ(ids.size(), logged_kinds().size());
    EXPECT_EQ(message_id(EventKind::lagged), "");
}

TEST(EventLog, NamesVmAndDevice) {
    EXPECT_EQ(describe(event(EventKind::attached, "ivshmem-plain")),
              "web: attached shm0: ivshmem-plain");
    EXPECT_EQ(describe(event(EventKind::detached)), "web: detached shm0");
    EXPECT_EQ(describe(event(EventKind::detach_refused)), "web: the guest will not let shm0 go");
    EXPECT_EQ(describe(event(EventKind::vanished)), "web: shm0 is gone unasked");
    EXPECT_EQ(describe(event(EventKind::server_lost, "closed")),
              "web: the doorbell server of shm0 is lost: closed");
    EXPECT_EQ(describe(event(EventKind::vm_state, "busy")), "web: state busy");
    EXPECT_EQ(describe(event(EventKind::migration, "active")), "web: migration: active");
}

TEST(EventLog, WarnsOfWhatSomebodyShouldLookAt) {
    std::set<std::string_view> warnings;
    for (const EventKind kind : logged_kinds()) {
        if (is_warning(event(kind))) warnings.insert(event_name(kind));
    }
    EXPECT_EQ(warnings, (std::set<std::string_view>{"attachDoubtful", "detachRefused", "vanished",
                                                    "leaked", "serverLost", "declaredFailed"}));
}

}  // namespace
}  // namespace ivshmemd::test
