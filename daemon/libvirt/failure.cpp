#include "daemon/libvirt/failure.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

namespace ivshmemd::libvirt {
namespace {

constexpr unsigned long first_with_descriptors = 8002000;

}  // namespace

Meaning meaning_of(int code) {
    switch (code) {
        case VIR_ERR_NO_SUPPORT:
        case VIR_ERR_ARGUMENT_UNSUPPORTED:
        case VIR_ERR_CONFIG_UNSUPPORTED:
        case VIR_ERR_INVALID_ARG:
        case VIR_ERR_OPERATION_DENIED:
        case VIR_ERR_OPERATION_UNSUPPORTED:
        case VIR_ERR_ACCESS_DENIED:
        case VIR_ERR_AUTH_FAILED:
            return Meaning::refused;
        case VIR_ERR_OPERATION_TIMEOUT:  // another job kept the domain all the time
            return Meaning::held;
        default:
            return Meaning::unknown;
    }
}

std::string advise_on_rights(const Failure& failure) {
    // A socket that is closed to this user is told of in words alone.
    bool wanting = failure.message.find("Permission denied") != std::string::npos;
    switch (failure.code) {
        case VIR_ERR_OPERATION_DENIED:
        case VIR_ERR_ACCESS_DENIED:
        case VIR_ERR_AUTH_FAILED:
        case VIR_ERR_AUTH_CANCELLED:
        case VIR_ERR_AUTH_UNAVAILABLE:
            wanting = true;
            break;
        default:
            break;
    }
    if (!wanting) return "";
    return "let this user manage libvirt (on Debian: as a member of the group libvirt), by the "
           "socket that changes things and not the one for reading";
}

std::optional<std::string> descriptor_refusal(unsigned long version) {
    if (version >= first_with_descriptors) return std::nullopt;
    return "libvirt " + std::to_string(version / 1000000) + "." +
           std::to_string(version / 1000 % 1000) +
           " passes no descriptors to QEMU, 8.2 is the first that does: only plain devices here";
}

std::string doing(int operation) {
    switch (operation) {
        case VIR_DOMAIN_JOB_OPERATION_START:
            return "starting";
        case VIR_DOMAIN_JOB_OPERATION_SAVE:
            return "saving";
        case VIR_DOMAIN_JOB_OPERATION_RESTORE:
            return "restoring";
        case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN:
            return "receiving";
        case VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT:
            return "migrating";
        case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT:
            return "making a snapshot of";
        case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT:
            return "reverting";
        case VIR_DOMAIN_JOB_OPERATION_DUMP:
            return "dumping";
        default:
            return "";
    }
}

}  // namespace ivshmemd::libvirt
