#include "daemon/events/event_log.h"

#include "daemon/base/log.h"

namespace ivshmemd {
namespace {

std::string with_detail(const std::string& text, const std::string& detail) {
    return detail.empty() ? text : text + ": " + detail;
}

std::string what_happened(const Event& event) {
    const std::string device = event.device.value_or("");
    switch (event.kind) {
        case EventKind::vm_state:
            return "state " + event.detail;
        case EventKind::attaching:
        case EventKind::attached:
        case EventKind::detaching:
        case EventKind::detached:
            return with_detail(std::string(event_name(event.kind)) + " " + device, event.detail);
        case EventKind::attach_doubtful:
            return with_detail("something is wrong with " + device, event.detail);
        case EventKind::detach_refused:
            return with_detail("the guest will not let " + device + " go", event.detail);
        case EventKind::vanished:
            return with_detail(device + " is gone unasked", event.detail);
        case EventKind::leaked:
            return with_detail("left behind of " + device, event.detail);
        case EventKind::server_lost:
            return with_detail("the doorbell server of " + device + " is lost", event.detail);
        case EventKind::declared_failed:
            return with_detail(device + " is not as the configuration declares it", event.detail);
        case EventKind::migration:
            return "migration: " + event.detail;
        case EventKind::lagged:
            break;
    }
    return event.detail;
}

}  // namespace

std::string_view message_id(EventKind kind) {
    switch (kind) {
        case EventKind::vm_state:
            return "334aaf7452e34a73a50e6cc1fd148328";
        case EventKind::attaching:
            return "6dfeb8dbf9d144c881a80d966753c199";
        case EventKind::attached:
            return "ffadf7d8875543aeae302cb254cae72b";
        case EventKind::attach_doubtful:
            return "73a02b06e91b4965b23873472c50fe42";
        case EventKind::detaching:
            return "f074c0b15e5148c99682edd1a7b9abc8";
        case EventKind::detached:
            return "63b3061bd8a2451db210ce8ef9b56377";
        case EventKind::detach_refused:
            return "26ceaf693902462cb13af39d56202784";
        case EventKind::vanished:
            return "5687ede66bb840faad11fca0e45df19f";
        case EventKind::leaked:
            return "60d5f907b5e345f4aff67f96039269c9";
        case EventKind::server_lost:
            return "5e125105d2f84676af54101e1494d837";
        case EventKind::declared_failed:
            return "415cb84a41bb4a63b0db8089d72c366e";
        case EventKind::migration:
            return "6763dc5634674fd7af3d6fcc784a8fc0";
        case EventKind::lagged:
            break;
    }
    return "";
}

std::string describe(const Event& event) {
    return event.vm + ": " + what_happened(event);
}

bool is_warning(const Event& event) {
    switch (event.kind) {
        case EventKind::attach_doubtful:
        case EventKind::detach_refused:
        case EventKind::vanished:
        case EventKind::leaked:
        case EventKind::server_lost:
        case EventKind::declared_failed:
            return true;
        default:
            return false;
    }
}

void log_event(const Event& event) {
    const std::string device = event.device.value_or("");
    const LogFields fields{{"MESSAGE_ID", message_id(event.kind)},
                           {"VM", event.vm},
                           {"DEVICE", device},
                           {"REGION", event.region}};
    if (is_warning(event)) {
        log_warning({describe(event)}, fields);
    } else {
        log_info({describe(event)}, fields);
    }
}

}  // namespace ivshmemd
