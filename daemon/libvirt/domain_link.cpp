#include "daemon/libvirt/domain_link.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include <cstdlib>

#include "daemon/libvirt/connection.h"
#include "daemon/libvirt/qemu_process.h"

namespace ivshmemd::libvirt {
namespace {

void add_to(DomainLink::Labels& labels, const virSecurityLabel& each) {
    const std::string label = each.label;
    std::string& place = is_owner_label(label) ? labels.owner : labels.kernel;
    if (!place.empty()) return;
    place = is_owner_label(label) ? label : kernel_label(label, each.enforcing != 0);
}

}  // namespace

std::variant<std::shared_ptr<DomainLink>, Failure> DomainLink::open(const std::string& uri,
                                                                    const std::string& uuid) {
    ConnectionHandle connection(virConnectOpen(uri.c_str()));
    if (!connection) return last_failure();
    DomainHandle domain(virDomainLookupByUUIDString(connection.get(), uuid.c_str()));
    if (!domain) return last_failure();
    std::shared_ptr<DomainLink> link(new DomainLink(std::move(connection), std::move(domain)));
    if (virConnectGetLibVersion(link->connection_.get(), &link->version_) != 0) {
        return last_failure();
    }
    return link;
}

std::variant<std::string, Failure> DomainLink::command(const std::string& text, int fd) const {
    char* result = nullptr;
    const int status = fd < 0
                           ? virDomainQemuMonitorCommand(domain_.get(), text.c_str(), &result, 0)
                           : virDomainQemuMonitorCommandWithFiles(
                                 domain_.get(), text.c_str(), 1, &fd, nullptr, nullptr, &result, 0);
    if (status < 0) return last_failure();
    std::string answer = result ? result : "";
    std::free(result);
    return answer;
}

std::variant<std::string, Failure> DomainLink::job() const {
    int type = VIR_DOMAIN_JOB_NONE;
    virTypedParameterPtr parameters = nullptr;
    int count = 0;
    if (virDomainGetJobStats(domain_.get(), &type, &parameters, &count, 0) != 0) {
        return last_failure();
    }
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;
    virTypedParamsGetInt(parameters, count, VIR_DOMAIN_JOB_OPERATION, &operation);
    virTypedParamsFree(parameters, count);
    return type == VIR_DOMAIN_JOB_NONE ? std::string() : doing(operation);
}

DomainLink::Labels DomainLink::labels() const {
    virSecurityLabelPtr list = nullptr;
    const int count = virDomainGetSecurityLabelList(domain_.get(), &list);
    Labels labels;
    for (int i = 0; i < count; ++i) add_to(labels, list[i]);
    std::free(list);
    return labels;
}

}  // namespace ivshmemd::libvirt
