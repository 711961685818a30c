#pragma once

#include <string>
#include <string_view>

#include "lib/result.h"

namespace ivshmemd::ctl {

/// [USER@]HOST as ssh takes it: an IPv6 address without its brackets. Anything that is not plainly
/// a name or an address is InvalidParameter, so that no word of it can mean more to ssh or a shell.
Result<std::string> parse_host(std::string_view text);

}  // namespace ivshmemd::ctl
