#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "daemon/ctl/client.h"
#include "daemon/ctl/interrupt.h"
#include "daemon/ctl/session.h"

namespace ivshmemd::ctl {

/// The host that a VM is to move to, and the daemon there, on one connection.
class Destination {
  public:
    Destination(Session& here, const std::string& host);

    const std::string& host() const { return there_.address().host; }

    /// Success when the VM that a Migrate is asked for is awaited there and has room for its
    /// devices; else MigrationBlocked with everything against it, or what kept from finding out.
    Answer check(const nlohmann::json& migrate);

    /// Plugs devices in again there.
    Answer replug(const std::string& vm, const nlohmann::json& devices);

  private:
    Session& here_;
    Interrupt interrupt_;
    std::unique_ptr<Line> line_;
    Session there_;
};

}  // namespace ivshmemd::ctl
