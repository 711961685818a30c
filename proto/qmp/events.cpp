#include "proto/qmp/events.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "proto/qmp/migration.h"

namespace ivshmemd::qmp {
namespace {

constexpr std::array run_state_events{"STOP",   "RESUME",         "SHUTDOWN",      "SUSPEND",
                                      "WAKEUP", "GUEST_PANICKED", "BLOCK_IO_ERROR"};

std::string text_in(const Event& event, std::string_view member) {
    const std::string* text = as_string(find(event.data.get(), member));
    return text ? *text : std::string();
}

}  // namespace

QemuEvent read_event(const Event& event) {
    if (event.name == "DEVICE_DELETED") {
        return DeviceDeleted{text_in(event, "path"), text_in(event, "device")};
    }
    if (event.name == "DEVICE_UNPLUG_GUEST_ERROR") return UnplugRefused{text_in(event, "path")};
    if (event.name == "RESET") return Reset{};
    if (event.name == "MIGRATION") {
        return MigrationChanged{read_migration_status(event.data.get())};
    }
    const bool changes = std::find(run_state_events.begin(), run_state_events.end(), event.name) !=
                         run_state_events.end();
    if (changes) return RunStateMayChange{};
    return Other{};
}

}  // namespace ivshmemd::qmp
