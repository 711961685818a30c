#include "daemon/libvirt/connection.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>

#include <array>
#include <string_view>
#include <thread>

namespace ivshmemd::libvirt {
namespace {

using Handlers = Connection::Handlers;

// libvirt keeps one of these for each callback until it needs it no more.
void* lend(const std::shared_ptr<Handlers>& handlers) {
    return new std::shared_ptr<Handlers>(handlers);
}

void take_back(void* lent) {
    delete static_cast<std::shared_ptr<Handlers>*>(lent);
}

const Handlers& borrowed(void* lent) {
    return **static_cast<std::shared_ptr<Handlers>*>(lent);
}

std::string uuid_of(virDomainPtr domain) {
    std::array<char, VIR_UUID_STRING_BUFLEN> text{};
    return virDomainGetUUIDString(domain, text.data()) == 0 ? text.data() : std::string();
}

int on_lifecycle(virConnectPtr /*connection*/, virDomainPtr /*domain*/, int /*event*/,
                 int /*detail*/, void* lent) {
    borrowed(lent).domains_changed();
    return 0;
}

void on_monitor_event(virConnectPtr /*connection*/, virDomainPtr domain, const char* name,
                      long long seconds, unsigned microseconds, const char* details, void* lent) {
    borrowed(lent).event(
        {uuid_of(domain), name, seconds, microseconds, details ? details : std::string()});
}

void on_close(virConnectPtr /*connection*/, int reason, void* lent) {
    borrowed(lent).closed(reason == VIR_CONNECT_CLOSE_REASON_EOF ? "libvirtd has ended"
                                                                 : "the connection failed");
}

// What fails is told by whoever called.
void keep_quiet(void* /*nothing*/, virErrorPtr /*error*/) {}

}  // namespace

void start_event_thread() {
    virSetErrorFunc(nullptr, keep_quiet);
    virEventRegisterDefaultImpl();
    std::thread([] {
        while (true) virEventRunDefaultImpl();
    }).detach();
}

Failure last_failure() {
    const virErrorPtr error = virGetLastError();
    if (!error) return {VIR_ERR_INTERNAL_ERROR, "libvirt does not say why"};
    return {error->code, error->message ? error->message : std::string()};
}

bool Connection::subscribe() {
    const virConnectPtr connection = handle_.get();
    if (virConnectRegisterCloseCallback(connection, on_close, lend(handlers_), take_back) != 0) {
        return false;
    }
    const int lifecycle = virConnectDomainEventRegisterAny(
        connection, nullptr, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle),
        lend(handlers_), take_back);
    if (lifecycle < 0) return false;
    return virConnectDomainQemuMonitorEventRegister(connection, nullptr, nullptr, on_monitor_event,
                                                    lend(handlers_), take_back, 0) >= 0;
}

std::variant<std::shared_ptr<Connection>, Failure> Connection::open(const std::string& uri,
                                                                    Handlers handlers) {
    ConnectionHandle handle(virConnectOpen(uri.c_str()));
    if (!handle) return last_failure();
    const char* type = virConnectGetType(handle.get());
    if (!type || std::string_view(type) != "QEMU") {
        return Failure{VIR_ERR_NO_SUPPORT, "its domains are not of QEMU"};
    }
    std::shared_ptr<Connection> connection(
        new Connection(std::move(handle), std::make_shared<Handlers>(std::move(handlers))));
    if (!connection->subscribe()) return last_failure();
    if (virConnectGetLibVersion(connection->handle_.get(), &connection->version_) != 0) {
        return last_failure();
    }
    return connection;
}

std::variant<std::vector<RunningDomain>, Failure> Connection::domains() const {
    virDomainPtr* list = nullptr;
    const int count =
        virConnectListAllDomains(handle_.get(), &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    if (count < 0) return last_failure();
    std::vector<RunningDomain> found;
    for (int i = 0; i < count; ++i) {
        const DomainHandle domain(list[i]);
        // Unsigned -1 for one that has ended since.
        const unsigned number = virDomainGetID(domain.get());
        found.push_back(
            {virDomainGetName(domain.get()), uuid_of(domain.get()), static_cast<int>(number)});
    }
    std::free(list);
    return found;
}

}  // namespace ivshmemd::libvirt
