#include "lib/error.h"

#include <array>

namespace ivshmemd {
namespace {

struct Row {
    ErrorKind kind;
    std::string_view name;
    int exit_code;
};

// One row per kind, in the order of the enumeration.
constexpr std::array rows{
    Row{ErrorKind::internal, "Internal", 1},
    Row{ErrorKind::no_free_slot, "NoFreeSlot", 1},
    Row{ErrorKind::region_unavailable, "RegionUnavailable", 1},
    Row{ErrorKind::migration_blocked, "MigrationBlocked", 1},
    Row{ErrorKind::bad_name, "BadName", 2},
    Row{ErrorKind::bad_size, "BadSize", 2},
    Row{ErrorKind::invalid_parameter, "InvalidParameter", 2},
    Row{ErrorKind::no_such_vm, "NoSuchVm", 3},
    Row{ErrorKind::no_such_device, "NoSuchDevice", 3},
    Row{ErrorKind::permission_denied, "PermissionDenied", 4},
    Row{ErrorKind::vm_unavailable, "VmUnavailable", 5},
    Row{ErrorKind::device_exists, "DeviceExists", 6},
    Row{ErrorKind::master_exists, "MasterExists", 6},
    Row{ErrorKind::slot_in_use, "SlotInUse", 6},
    Row{ErrorKind::region_mismatch, "RegionMismatch", 6},
    Row{ErrorKind::operation_in_progress, "OperationInProgress", 6},
    Row{ErrorKind::migration_active, "MigrationActive", 6},
    Row{ErrorKind::timed_out, "TimedOut", 7},
    Row{ErrorKind::server_unusable, "ServerUnusable", 8},
    Row{ErrorKind::detach_refused, "DetachRefused", 8},
    Row{ErrorKind::qemu_error, "QemuError", 8},
    Row{ErrorKind::transaction_failed, "TransactionFailed", 1},
    Row{ErrorKind::model_not_supported, "ModelNotSupported", 9},
    Row{ErrorKind::config_unsupported, "ConfigUnsupported", 9},
};

const Row& row(ErrorKind kind) {
    return rows[static_cast<std::size_t>(kind)];
}

}  // namespace

std::string text_detail(const Error& error, std::string_view name) {
    for (const ErrorDetail& each : error.details) {
        const std::string* text = std::get_if<std::string>(&each.second);
        if (text && each.first == name) return *text;
    }
    return "";
}

std::string_view kind_name(ErrorKind kind) {
    return row(kind).name;
}

int exit_code(ErrorKind kind) {
    return row(kind).exit_code;
}

ErrorKind kind_from_name(std::string_view name) {
    for (const Row& each : rows) {
        if (each.name == name) return each.kind;
    }
    return ErrorKind::internal;
}

}  // namespace ivshmemd
