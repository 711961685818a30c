#include "daemon/declared/failure.h"

#include "daemon/vm/vm.h"

namespace ivshmemd {

bool is_passing(const Error& error) {
    return error.kind == ErrorKind::vm_unavailable || error.kind == ErrorKind::migration_active ||
           error.kind == ErrorKind::operation_in_progress || error.kind == ErrorKind::timed_out;
}

void report_failure(Vm& vm, const std::string& device, const std::string& message) {
    vm.declared().fail(device, message);
    vm.publish(EventKind::declared_failed, device, message);
}

std::string in_words(const Error& error) {
    return std::string(kind_name(error.kind)) + ": " + error.message;
}

std::string in_words(const DeviceRequest& declared, const DeviceRequest& request,
                     const Error& error) {
    const bool pinned = !declared.model && request.model;
    if (!pinned || error.kind != ErrorKind::model_not_supported) return in_words(error);
    return in_words(error) + "; it had " + std::string(qom_type(*request.model)) +
           " before, and gets another model only where the configuration names one";
}

}  // namespace ivshmemd
