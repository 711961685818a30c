#pragma once

#include <string>

#include "daemon/ctl/answer.h"
#include "daemon/ctl/tunnel.h"

namespace ivshmemd::ctl {

/// Why no daemon of another host answered, each with an error of its own. Nothing was begun there.
Answer host_failure(const std::string& host, const Tunnel::End& end);

/// Whether what introduced itself there is an ivshmemd of a version that can be talked to.
Answer judge_greeting(const std::string& host, const Answer& greeting);

}  // namespace ivshmemd::ctl
