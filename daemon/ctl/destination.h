#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "daemon/ctl/client.h"
#include "daemon/ctl/interrupt.h"
#include "daemon/ctl/move_check.h"
#include "daemon/ctl/session.h"

namespace ivshmemd::ctl {

/// The host that a VM is to move to, and the daemon there, on one connection.
class Destination {
  public:
    Destination(Session& here, const std::string& host);
    /// `interrupt`: as in Wait, for whoever takes requests to end himself.
    Destination(Session& here, const std::string& host, int interrupt);

    const std::string& host() const { return there_.address().host; }

    /// Success when the VM is awaited there and has room for its devices; else MigrationBlocked
    /// with everything against it, or what kept from finding out.
    Answer check(const Move& move);

    /// Plugs in there what a plan has (see make_plan). Once it is, nobody here remembers it any
    /// more.
    Answer replug(const nlohmann::json& plan);

  private:
    Answer plug_in(const nlohmann::json& plan);

    Session& here_;
    std::unique_ptr<Interrupt> own_;  // unless somebody else takes Ctrl-C
    int interrupt_;
    std::unique_ptr<Line> line_;
    Session there_;
};

}  // namespace ivshmemd::ctl
