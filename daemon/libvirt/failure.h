#pragma once

#include <optional>
#include <string>

namespace ivshmemd::libvirt {

/// What libvirt says of a call that failed.
struct Failure {
    int code = 0;  // virErrorNumber
    std::string message;
};

/// What it means for the command.
enum class Meaning {
    refused,  // QEMU never saw it: that is the answer
    held,     // QEMU never saw it: libvirt is at work on the domain
    unknown,  // QEMU may have carried it out: whoever sent it has to look
};

Meaning meaning_of(int code);

/// What to do about a connection that was refused for want of rights; empty for any other failure.
std::string advise_on_rights(const Failure& failure);

/// Why a libvirt of this version (as 8002000 for 8.2.0) cannot pass a descriptor to QEMU; nothing
/// when it can.
std::optional<std::string> descriptor_refusal(unsigned long version);

/// What libvirt does with a domain while it has a job of this kind (virDomainJobOperation), and
/// nobody else should change its devices, e.g. "saving"; empty when that is no matter.
std::string doing(int operation);

}  // namespace ivshmemd::libvirt
