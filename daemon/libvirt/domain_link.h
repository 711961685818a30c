#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "daemon/libvirt/failure.h"
#include "daemon/libvirt/handles.h"

namespace ivshmemd::libvirt {

/// The way to one running domain: a connection of its own, since libvirtd serves but a few calls of
/// one connection at a time, and a domain that hangs must not keep others waiting. Every member may
/// wait for libvirtd, and be called in any thread.
class DomainLink {
  public:
    static std::variant<std::shared_ptr<DomainLink>, Failure> open(const std::string& uri,
                                                                   const std::string& uuid);

    /// QEMU's answer to a command, with which a descriptor may go; -1: none.
    std::variant<std::string, Failure> command(const std::string& text, int fd) const;

    /// What libvirt is doing with the domain; empty: nothing that matters here.
    std::variant<std::string, Failure> job() const;

    struct Labels {
        std::string owner;   // whom QEMU runs as, as "+64055:+64055"
        std::string kernel;  // what confines it beside that, as /proc words it
    };
    /// Empty ones when libvirt does not say.
    Labels labels() const;

    unsigned long version() const { return version_; }

  private:
    DomainLink(ConnectionHandle connection, DomainHandle domain)
        : connection_(std::move(connection)), domain_(std::move(domain)) {}

    ConnectionHandle connection_;
    DomainHandle domain_;
    unsigned long version_ = 0;
};

}  // namespace ivshmemd::libvirt
