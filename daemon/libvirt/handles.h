#pragma once

#include <libvirt/libvirt.h>

#include <memory>

namespace ivshmemd::libvirt {

// libvirt's own objects, given back when they go. Giving back a connection may wait for libvirtd.
struct GiveBack {
    void operator()(virConnectPtr connection) const { virConnectClose(connection); }
    void operator()(virDomainPtr domain) const { virDomainFree(domain); }
};

using ConnectionHandle = std::unique_ptr<virConnect, GiveBack>;
using DomainHandle = std::unique_ptr<virDomain, GiveBack>;

}  // namespace ivshmemd::libvirt
