#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/scripted_server.h"

namespace ivshmemd::test {

/// A way in which a doorbell server breaks its protocol, asked for one vector.
struct BadServerKind {
    std::string name;
    ScriptedServer::Script script;
};

/// All of them that hang or kill a QEMU which talks to the server itself, or would give it what
/// nobody asked for. Each client gets the whole treatment.
std::vector<BadServerKind> bad_servers();

}  // namespace ivshmemd::test
