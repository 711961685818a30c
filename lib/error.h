#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lib/reason.h"

namespace ivshmemd {

/// Every refusal a caller can meet. The names are the API's error names (kind_name) and each has
/// one exit code in ivshmemctl (exit_code).
enum class ErrorKind {
    internal,               // anything unexpected: a defect of ours or of the host
    no_free_slot,           // no empty hotpluggable slot, or none with room for the region
    region_unavailable,     // the region file cannot be made: no space, no directory
    migration_blocked,      // a peer, or the run state, keeps the VM from migrating
    bad_name,               // a name breaks its rule
    bad_size,               // not a power of two, too small, too large, or missing
    invalid_parameter,      // unknown, duplicate, wrongly typed or empty parameter
    no_such_vm,             // no VM of that name
    no_such_device,         // no device of that name in the VM
    permission_denied,      // the caller, QEMU or the file's owner is not trusted with this
    vm_unavailable,         // the VM is not in a state that takes the request
    device_exists,          // the name is taken by a different device
    master_exists,          // another device is already this region's master
    slot_in_use,            // the requested slot holds a device
    region_mismatch,        // the file exists and is not what was asked for
    operation_in_progress,  // the device is being detached
    migration_active,       // the VM is migrating
    timed_out,              // no answer in time
    server_unusable,        // the doorbell server does not keep the protocol
    detach_refused,         // the guest refused to let the device go
    qemu_error,             // QEMU answered with an error
    transaction_failed,     // what was to change several VMs changed none
    model_not_supported,    // that QEMU lacks the model
    config_unsupported,     // the combination of options does not exist
};

struct Error;

/// A parameter of an error beside its message, under the API's field name.
using ErrorDetail =
    std::pair<std::string, std::variant<std::string, std::vector<std::string>, std::vector<Reason>,
                                        bool, std::vector<Error>>>;

struct Error {
    ErrorKind kind = ErrorKind::internal;
    std::string message;  // for people: what failed, and what to do next
    std::string vm;       // empty when no VM is concerned
    std::vector<ErrorDetail> details;

    Error() = default;
    Error(ErrorKind kind_, std::string message_, std::vector<ErrorDetail> details_ = {})
        : kind(kind_), message(std::move(message_)), details(std::move(details_)) {}

    bool operator==(const Error&) const = default;
};

/// The text of a detail; empty where it has none of that name.
std::string text_detail(const Error& error, std::string_view name);

/// The API's error name without its interface, e.g. "NoFreeSlot".
std::string_view kind_name(ErrorKind kind);

/// The exit code of ivshmemctl for this kind; 1 for anything unexpected. A failed transaction has
/// that of the error that made it fail.
int exit_code(ErrorKind kind);

/// The kind with this API name; internal for an unknown name.
ErrorKind kind_from_name(std::string_view name);

}  // namespace ivshmemd
